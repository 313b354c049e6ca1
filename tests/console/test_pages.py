"""Every page of the console over a demo's numbers: no mistake, no empty chart, the numbers of the marts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dagster_drips.console.app import PAGES
from dagster_drips.preview.spam import is_there
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

from .looking import complaints, looked_at, words

pytestmark = pytest.mark.slow

WITH_CHARTS = {"overview", "sequences", "people", "segments", "deliverability", "sales", "pipeline"}
PLAN = {
    "base": "live",
    "span": {"from": "2026-03-05T15:00:00Z", "to": "2026-03-06T03:00:00Z", "every_seconds": 21600, "ticks": 3},
    "edits": [{"kind": "sequence", "name": "abandoned_cart", "change": "changed", "what": ["steps"]}],
    "totals": {
        "base_mails": 12,
        "working_mails": 10,
        "gains": 0,
        "loses": 2,
        "earlier": 0,
        "later": 1,
        "other_variant": 0,
        "people": 3,
        "differing": 3,
        "new_enrollments": 0,
        "lost_enrollments": 0,
        "change": 0.25,
    },
    "by_step": [
        {
            "sequence_id": "abandoned_cart",
            "step_id": "day",
            "sequence_change": "changed",
            "base_mails": 12,
            "working_mails": 10,
            "gains": 0,
            "loses": 2,
            "earlier": 0,
            "later": 1,
            "other_variant": 0,
        }
    ],
    "entering": [{"sequence_id": "abandoned_cart", "enter": 1, "stay_out": 0}],
    "at_once": [{"sequence_id": "abandoned_cart", "exit_reason": "converted", "people": 1}],
    "displaced": [{"displaced_by": "throttle", "sequence_id": "abandoned_cart", "later": 1, "not_in_these_days": 0}],
    "days": [{"day": "2026-03-05", "base_mails": 12, "working_mails": 10}],
    "segments": [{"segment": "dormant", "base_members": 5, "working_members": 4, "entered": 0, "left": 1}],
    "samples": [
        {"lead_id": "lead_00001", "what": "loses abandoned_cart/day", "before": "sent", "after": "expired (M7)"}
    ],
    "warnings": [{"warning": "always_expires", "message": "step day of abandoned_cart expires each time"}],
    "exceeded": ["a quarter of the mails differs"],
    "problems": [],
}


def value(demo: Project, sql: str) -> Any:
    with open_warehouse(demo.published / "drips.duckdb", read_only=True) as warehouse:
        return warehouse.value(sql)


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_charts_and_no_mistake(name: str, demo: Project) -> None:
    page = looked_at(name, demo)
    assert complaints(page) == []
    charts = page.get("vega_lite_chart")
    assert bool(charts) == (name in WITH_CHARTS)
    for chart in charts:
        spec = json.loads(chart.proto.spec)
        layers = spec.get("layer", [spec])
        encodings = [layer["encoding"] for layer in layers]
        assert all(any(axis in encoding for axis in ("x", "y")) for encoding in encodings)
        titles = [encoding[axis]["title"] for encoding in encodings for axis in ("x", "y") if axis in encoding]
        assert all(titles), spec
        assert all(encoding.get("tooltip") for encoding in encodings), spec


def test_the_overview_tells_what_status_tells_and_sums_the_week(demo: Project) -> None:
    page = looked_at("overview", demo)
    assert any("rejected" in warning.value for warning in page.warning)
    sent = value(demo, "select sum(sent) from marts.sequence_performance_daily")
    assert metrics(page)["Sent"] == f"{sent:,}"
    active = value(demo, "select count(*) from marts.enrollments where status = 'active'")
    assert metrics(page)["In a sequence now"] == f"{active:,}"


def test_a_sequence_can_be_chosen_and_has_its_numbers(demo: Project) -> None:
    page = looked_at("sequences", demo)
    page.selectbox[0].set_value("small_business_onboarding").run()
    assert complaints(page) == []
    sent = value(demo, "select count(*) from marts.messages where sequence_id = 'small_business_onboarding'")
    assert metrics(page)["Sent"] == f"{sent:,}"
    page.get("button_group")[0].set_value("completed").run()
    assert complaints(page) == []


def test_a_person_is_found_by_address_and_has_one_timeline(demo: Project) -> None:
    lead = value(demo, "select min(lead_id) from marts.messages where first_opened_at is not null")
    address = value(demo, f"select email from marts.lead_profiles where lead_id = '{lead}'")
    page = looked_at("people", demo)
    page.text_input[0].set_value(address.upper()).run()
    assert page.selectbox[0].value == lead
    timeline = page.dataframe[-1].value
    assert len(timeline) == value(demo, f"select count(*) from marts.lead_timeline where lead_id = '{lead}'")
    assert {"sent", "opened"} <= set(timeline["what"])
    for section in ("Why, and what is next", "Mails", "Sales"):
        page.get("button_group")[0].set_value(section).run()
        assert complaints(page) == []
        if section.startswith("Why"):
            assert ": **sent** (M4). Sent at 2026" in words(page)
    page.text_input[0].set_value("nobody%").run()
    assert "No lead's lead_id or address begins like that." in words(page)


def test_a_mail_is_shown_as_it_was_sent_by_its_own_version(demo: Project, tmp_path: Path) -> None:
    project = Project(tmp_path)
    for name in ("data", "dbt_project"):
        (tmp_path / name).symlink_to(demo.root / name)
    shutil.copytree(demo.sequences, project.sequences)
    lead, sequence = value(
        demo, "select [lead_id, sequence_id] from marts.messages where status = 'sent' order by message_id limit 1"
    )
    for template in (project.sequences / sequence).glob("*.html"):
        template.write_text("<p>Edited since</p>")
    page = looked_at("people", project)
    page.text_input[0].set_value(lead).run()
    page.get("button_group")[0].set_value("Mails").run()
    assert complaints(page) == []
    assert "As it was sent: its own version of the files" in words(page)
    assert "Edited since" not in page.code[0].value and len(page.code[0].value) > 100
    assert page.get("iframe")


def test_without_the_journal_a_mail_is_made_anew_by_the_files_and_says_so(demo: Project, tmp_path: Path) -> None:
    project = Project(tmp_path)
    for name in ("sequences", "dbt_project", "data/published"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(demo.root / name)
    page = looked_at("people", project)
    page.get("button_group")[0].set_value("Mails").run()
    assert complaints(page) == []
    assert "the journal has no version" in words(page).replace("\\", "")
    assert "Not what was sent: rendered anew by the very templates that made it" in words(page)
    assert page.get("iframe")


def test_a_preview_is_made_for_a_lead_and_counts_whom_values_are_missing_for(demo: Project) -> None:
    page = looked_at("preview", demo)
    # Named by what the template includes.
    assert page.dataframe[-1].value["field"].to_list() == ["first_name"]
    page.selectbox[0].set_value("enterprise_onboarding").run()
    next(group for group in page.get("button_group") if group.value == "made up").set_value("a lead").run()
    assert complaints(page) == []
    lead = next(box for box in page.selectbox if box.label == "Found").value
    first_name = value(demo, f"select first_name from marts.lead_profiles where lead_id = '{lead}'")
    assert first_name is None or any(first_name in element.body for element in page.get("html"))
    lacking = page.dataframe[-1].value.set_index("field")["leads"]
    expected = value(
        demo,
        "select count(*) from marts.lead_profiles where first_name is null and list_contains(segments, 'enterprise')"
        " and not list_contains(segments, 'customers')",
    )
    assert lacking["first_name"] == expected


@pytest.mark.skipif(not is_there(), reason="spamassassin is not installed")
def test_spamassassin_is_asked_at_the_press_of_a_button(demo: Project) -> None:
    page = looked_at("preview", demo)
    assert not page.success
    page.button[0].click().run()
    assert complaints(page) == []
    assert "points; from 5.0 on it would be spam" in page.success[0].value


def test_shares_of_deliverability_are_those_of_a_sender(demo: Project) -> None:
    page = looked_at("deliverability", demo)
    senders = page.selectbox[0].options
    assert senders[0] == "all senders"
    assert len(senders) > 2
    page.selectbox[0].set_value(senders[1]).run()
    assert complaints(page) == []
    sent = value(demo, f"select count(*) from marts.messages where sender = '{senders[1]}' and status = 'sent'")
    assert metrics(page)["Sent"] == f"{sent:,}"


def test_every_attribution_model_shares_out_all_sales(demo: Project) -> None:
    page = looked_at("sales", demo)
    models = page.selectbox[1].options
    assert len(models) == value(demo, "select count(distinct model) from marts.sales_attribution")
    for model in models:
        page.selectbox[1].set_value(model).run()
        assert complaints(page) == []
        assert sum(page.dataframe[0].value["share"]) == pytest.approx(100)


def test_a_plan_is_shown_with_its_charts_and_sentences(demo: Project, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    page = looked_at("plan", demo, plan=plan)
    assert [error.value for error in page.exception] == []
    assert [error.value for error in page.error] == ["a quarter of the mails differs"]
    assert metrics(page)["Lost"] == "2"
    assert len(page.get("vega_lite_chart")) == 2
    assert page.dataframe[-1].value["after"].to_list() == ["expired (M7)"]


def test_a_set_that_cannot_be_read_is_one_line(demo: Project, tmp_path: Path) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    broken = Project.at(tmp_path)
    broken.published_set.mkdir(parents=True)
    (broken.published_set / "manifest.json").write_text(
        '{"version": "x", "as_of": "2026-03-05T14:00:00Z", "tables": {}}'
    )
    page = looked_at("segments", broken)
    assert [str(error.value) for error in page.exception] == []
    [told] = [error.value for error in page.error]
    assert "drips.duckdb" in told
    assert "\n" not in told
