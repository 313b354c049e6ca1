"""What a mail is given to a browser as in each view, whom values are missing for, and what a spam filter says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_drips.message.content import RenderedMessage
from dagster_drips.message.precompiled_body import plain
from dagster_drips.preview.mails import made_up_event
from dagster_drips.preview.missing import MissingValues, missing_values
from dagster_drips.preview.spam import is_there, spam_score
from dagster_drips.preview.views import VIEWS, as_seen, knows_dark
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.schema import Sequence
from dagster_drips.warehouse import open_warehouse

DESKTOP, PHONE, DARK, WITHOUT_IMAGES = VIEWS
PLAIN = "<!doctype html><html><head><title>x</title></head><body><img src='a.png' alt='A'></body></html>"
WITH_DARK = PLAIN.replace(
    "<title>", "<style>@media (prefers-color-scheme: dark) { body { color: #fff } }</style><title>"
)


def test_a_mails_own_dark_styles_hold_in_a_dark_inbox_and_in_no_other() -> None:
    assert "@media (min-width: 0)" in as_seen(WITH_DARK, DARK)
    assert "@media (max-width: 0)" in as_seen(WITH_DARK, DESKTOP)
    assert "invert" not in as_seen(WITH_DARK, DARK)
    assert knows_dark(WITH_DARK)


def test_a_mail_without_dark_styles_is_inverted_there_and_its_images_are_not() -> None:
    seen = as_seen(PLAIN, DARK)
    assert seen.count("invert(1)") == 2
    assert "invert" not in as_seen(PLAIN, PHONE)
    assert not knows_dark(PLAIN)


def test_images_are_off_in_that_view_alone() -> None:
    assert "img-src 'none'" in as_seen(PLAIN, WITHOUT_IMAGES)
    assert "img-src data: https: http:" in as_seen(PLAIN, DESKTOP)


@pytest.mark.parametrize("html", [PLAIN, "<!doctype html><p>x</p>", "<p>x</p>", "<HEAD></HEAD><p>x</p>", ""])
def test_no_view_runs_a_script_and_the_doctype_stays_first(html: str) -> None:
    for view in VIEWS:
        seen = as_seen(html, view)
        assert "default-src 'none'" in seen
        assert seen.lower().startswith("<!doctype html>") == html.lower().startswith("<!doctype html>")
        assert seen.index("Content-Security-Policy") < (seen.find("<p>") if "<p>" in seen else len(seen))


def sequence(**keys: object) -> Sequence:
    steps = [{"id": "a", "subject": "A", "template": "a.html"}]
    return Sequence.model_validate({"name": "x", "trigger": {"event": "cart"}, "steps": steps, **keys})


def test_missing_values_are_counted_over_the_leads_of_the_segments(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "drips.duckdb") as warehouse:
        warehouse.execute("create schema marts")
        warehouse.execute(
            "create table marts.lead_profiles as select * from (values"
            " ('L1', null, 'gold', ['big', 'old']), ('L2', 'Ada', null, ['big']), ('L3', null, null, ['small']),"
            " ('L4', null, null, null)) as leads (lead_id, first_name, \"my plan\", segments)"
        )
        fields = ["first_name", "my plan", "gone"]
        everybody = MissingValues(4, {"first_name": 3, "my plan": 3, "gone": 4})
        assert missing_values(warehouse, sequence(), fields) == everybody
        included = sequence(segments={"include": ["big"]})
        assert missing_values(warehouse, included, fields) == MissingValues(
            2, {"first_name": 1, "my plan": 1, "gone": 2}
        )
        fewer = sequence(segments={"include": ["big"], "exclude": ["old"]})
        assert missing_values(warehouse, fewer, ["first_name"]) == MissingValues(1, {"first_name": 0})
        triggered = sequence(trigger={"segment_entered": "small"})
        assert missing_values(warehouse, triggered, ["first_name"]) == MissingValues(1, {"first_name": 1})
        assert missing_values(warehouse, triggered, []) == MissingValues(1, {})


def test_an_event_that_is_made_up_is_as_the_tests_of_the_sequence_have_it(tmp_path: Path) -> None:
    folder = tmp_path / "sequences" / "cart"
    folder.mkdir(parents=True)
    (tmp_path / "dbt_project").mkdir()
    (folder / "sequence.yml").write_text(
        "name: Cart\nsender: {email: a@acme.example}\ntrigger: {event: cart}\n"
        "steps: [{id: a, subject: A, template: a.html}]\n"
    )
    (folder / "a.html").write_text("<p>a</p>")
    project = Project.at(tmp_path)
    source = read_catalog(project, segments=()).sources["cart"]
    assert made_up_event(project, source)["properties"] == "{}"
    (folder / "tests.yml").write_text(
        "tests:\n  - name: a\n    start: 2026-03-02T09:00:00Z\n    given:\n"
        "      leads: [{lead_id: L1}]\n"
        "      events:\n"
        "        - {lead_id: L1, event: other, occurred_at: +1m, properties: {a: 1}}\n"
        "        - {lead_id: L1, event: cart, occurred_at: +1m}\n"
        "        - {lead_id: L1, event: cart, occurred_at: +1m, properties: {product: Lamp}, value: 5, currency: EUR}\n"
        "    expect: {mails: []}\n"
    )
    event = made_up_event(project, source)
    assert (event["event"], event["properties"], event["value"]) == ("cart", '{"product": "Lamp"}', 5)
    (folder / "tests.yml").write_text("tests: [")
    assert made_up_event(project, source)["properties"] == "{}"


@pytest.mark.slow
@pytest.mark.skipif(not is_there(), reason="spamassassin is not installed")
def test_spamassassin_knows_a_swindle_from_a_letter() -> None:
    def judged(subject: str, text: str):
        mail = RenderedMessage(subject, plain(f"<html><body><p>{text}</p></body></html>"), plain(text))
        sender = ("Ada", "ada@acme.example", None)
        return spam_score(mail, sender=sender, recipient="grace@example.org", sequence_id="s", step_id="a")

    letter = judged("Your first five minutes", "Hello Grace, here is how to begin. Write to me if anything is unclear.")
    assert not letter.is_spam
    swindle = judged(
        "YOU HAVE WON!!! CLAIM YOUR $5,000,000.00 NOW!!!",
        "DEAR FRIEND, I am a barrister and next of kin to the late Mr. Smith. TEN MILLION UNITED STATES DOLLARS"
        " (US$10,000,000) in a bank in Nigeria. This business transaction is 100% risk free. Please send your bank"
        " account number. Viagra, Cialis. CLICK HERE NOW http://198.18.0.99/viagra",
    )
    assert swindle.is_spam
    assert swindle.score == pytest.approx(sum(points for _, points in swindle.rules), abs=0.2)
    assert swindle.rules[0][1] > 0
