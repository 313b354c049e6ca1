"""Bad input through the whole pipeline: each ends in a clear state, and nothing else suffers.

Everywhere some leads have done nothing wrong (`…fine…`): their mail goes out, exactly once. What can go wrong at the
same time does, for a tick takes longer than anything else here.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from shop import SEGMENT, Shop, counted, lead, new_shop
from smtp.servers import Dialogue, RawServer, ScriptedServer, closed_port
from typer.testing import CliRunner

from dagster_drips.cli.app import app
from dagster_drips.cli.commands import __all__ as COMMANDS

pytestmark = pytest.mark.slow

ENROLLED = ("welcome", "enrolled")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One for all tests: what a test breaks it mends, and its leads are its own."""
    return new_shop(tmp_path_factory.mktemp("shop"))


def recipients(server: ScriptedServer) -> list[str]:
    return [message["To"] for message in server.messages]


# Landed files --------------------------------------------------------------------------------------------------------

BAD_LINES = (
    json.dumps(lead("row-fine1")),
    '{"lead_id": "row-torn", "created_at": "2026-01',
    json.dumps(lead("row-untimely", created_at="yesterday")),
    json.dumps(lead("row-fine2")),
)
BAD_TABLE = """\
lead_id,created_at,email
row-fine3,2026-01-01,row-fine3@x.example
row-wide,2026-01-01,row-wide@x.example,more
"""
SEATS = "<html><body>{{ 100 // event.properties.seats }} a seat</body></html>"


def _parquet_of_odd_types(names: list[str]) -> bytes:
    frame = pl.DataFrame(
        {
            "lead_id": names,
            "created_at": [datetime(2026, 1, 1)] * 3,
            "email": [f"{name}@x.example" for name in names],
            "odd_bytes": [b"text", None, b"\xff\xfe"],
            "odd_span": [timedelta(days=1), None, None],
            "odd_decimal": [Decimal("1.50"), None, None],
            "odd_list": [[1, 2], None, None],
            "odd_struct": [{"a": 1}, None, None],
        }
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


@dataclass
class Lived:
    """What was landed, and who got mail after each of three ticks."""

    files: dict[str, str]
    mailed: list[list[str]]

    def mails(self, *names: str) -> list[int]:
        """Each lead's messages over all ticks."""
        return counted(self.mailed[-1], *names)


@pytest.fixture(scope="module")
def lived(shop: Shop) -> Lived:
    """Everything that files can have wrong with them, landed at once; what mends it lands an hour later."""
    files, mailed = {}, []
    shop.add_sequence("personal", template=SEATS)
    files["lines"] = shop.land("leads", "".join(line + "\n" for line in BAD_LINES))
    files["table"] = shop.land("leads", BAD_TABLE, ".csv")
    files["types"] = shop.land("leads", _parquet_of_odd_types(["type-fine1", "type-fine2", "type-bytes"]), ".parquet")
    shop.enter("row-fine1", "row-fine2", "row-fine3", "row-torn", "row-untimely", "row-wide")
    shop.enter("type-fine1", "type-fine2", "type-bytes")
    files["keyless"] = shop.land("events", [{"lead_id": "a", "event": "visit", "occurred_at": "2026-03-01"}])
    shop.sign_up("twice-fine1")
    shop.enter("early-bird")
    shop.sign_up("address-none", email="")
    shop.sign_up("address-words", email="call me")
    shop.sign_up("shape-commas", email="a@x.example, b@x.example")
    shop.sign_up("shape-header", email="a@x.example\nBcc: b@x.example")
    shop.land("leads", [lead(f"render-{name}") for name in ("fine1", "missing", "zero", "fine2")])
    shop.enter("render-fine1", "render-fine2", to="personal", properties={"seats": 5})
    shop.enter("render-missing", to="personal", properties={})
    shop.enter("render-zero", to="personal", properties={"seats": 0})
    with ScriptedServer() as server:
        shop.tick(server.url)
        mailed.append(recipients(server))
        files["again"] = shop.enter("twice-fine1", "twice-fine1", value=5)
        shop.land("leads", [lead("early-bird")])
        shop.land("leads", [lead("address-none", updated_at=shop.now.isoformat())])
        for _ in range(2):
            shop.tick(server.url)
            mailed.append(recipients(server))
    return Lived(files, mailed)


def test_malformed_rows_are_in_quarantine_with_their_place_and_the_rest_of_their_file_counts(
    shop: Shop, lived: Lived
) -> None:
    lines = shop.rejected(lived.files["lines"])
    assert list(lines) == [2, 3]
    assert "malformed line" in lines[2]
    assert "created_at" in lines[3]
    assert shop.rejected(lived.files["table"]) == {3: "malformed line: 4 cells for 3 columns"}
    assert "event_id" in shop.rejected(lived.files["keyless"])[1]
    assert lived.mails("row-fine1", "row-fine2", "row-fine3") == [1, 1, 1]
    assert [shop.decisions(name) for name in ("row-torn", "row-untimely", "row-wide")] == [[], [], []]
    assert f"data/landing/leads/{lived.files['lines']}:2: 2 rows rejected" in shop.problems()


def test_columns_of_types_that_no_field_has_become_text_and_bytes_that_are_no_text_spoil_their_row_alone(
    shop: Shop, lived: Lived
) -> None:
    [odd] = shop.rows("select columns('odd_.*') from raw.leads where lead_id = 'type-fine1'")
    assert odd == {
        "odd_bytes": "text",
        "odd_span": "PT86400S",
        "odd_decimal": "1.50",
        "odd_list": "[1,2]",
        "odd_struct": '{"a":1}',
    }
    assert shop.rejected(lived.files["types"]) == {3: "malformed row: odd_bytes is not UTF-8"}
    assert lived.mails("type-fine1", "type-fine2", "type-bytes") == [1, 1, 0]


def test_a_duplicate_event_is_dropped_and_counted(shop: Shop, lived: Lived) -> None:
    counts = shop.rows(
        "select rows, rejected, duplicates from raw.loaded_files where path = ?", f"events/{lived.files['again']}"
    )
    assert counts == [{"rows": 0, "rejected": 0, "duplicates": 2}]
    assert shop.rows("select value from raw.events where lead_id = 'twice-fine1'") == [{"value": None}]
    assert shop.decisions("twice-fine1") == [ENROLLED]
    assert lived.mails("twice-fine1") == [1]


def test_an_event_of_an_unknown_lead_waits_until_the_lead_lands(shop: Shop, lived: Lived) -> None:
    assert [counted(mailed, "early-bird") for mailed in lived.mailed] == [[0], [1], [1]]
    assert shop.decisions("early-bird") == [ENROLLED]


def test_a_lead_without_an_address_waits_until_one_lands(shop: Shop, lived: Lived) -> None:
    assert [counted(mailed, "address-none") for mailed in lived.mailed] == [[0], [1], [1]]
    assert shop.decisions("address-none") == [ENROLLED]
    assert shop.decisions("address-words") == []


def test_an_address_that_no_server_could_take_fails_that_message_alone(shop: Shop, lived: Lived) -> None:
    for name in ("shape-commas", "shape-header"):
        [message] = shop.messages(name)
        assert (message["status"], message["attempts"]) == ("failed", 1)
        assert message["detail"].startswith("bad_address: ")
    assert not [address for address in lived.mailed[-1] if address.startswith(("a@", "b@"))]


def test_a_template_error_for_one_lead_fails_that_message_and_no_other(shop: Shop, lived: Lived) -> None:
    assert lived.mails("render-fine1", "render-fine2", "render-missing", "render-zero") == [1, 1, 0, 0]
    for name, reason in (("render-missing", "seats"), ("render-zero", "zero")):
        [message] = shop.messages(name)
        assert (message["status"], message["attempts"]) == ("failed", 1)
        assert message["detail"].startswith("render_error: ")
        assert reason in message["detail"]
        # failed for good: the step is resolved, and the sequence goes on
        [enrollment] = shop.enrollments(name)
        assert (enrollment["status"], enrollment["next_step_id"]) == ("active", "later")


def test_everybody_without_a_fault_got_exactly_one_mail(lived: Lived) -> None:
    assert len(lived.mailed[-1]) == len(set(lived.mailed[-1])) == 10


# Sequences and segments ----------------------------------------------------------------------------------------------

BROKEN_SEGMENTS = {
    "cannot_be_read": "select lead_id from {{ ref('no_such_model') }}\n",
    "cannot_be_parsed": "select lead_id from {{ ref('stg_leads') }} {% if\n",
    "cannot_be_made": "select lead_id from {{ ref('stg_leads') }} where no_such_column > 1\n",
    "without_lead_id": "select 1 as somebody from {{ ref('stg_leads') }}\n",
    "fails_at_run_time": "select lead_id from {{ ref('stg_leads') }} where cast(company as integer) > 1\n",
}


def _validated(shop: Shop) -> tuple[int, str]:
    assert "validate" in COMMANDS
    result = CliRunner().invoke(app, ["validate", "--project", str(shop.project.root)])
    return result.exit_code, result.stderr


def test_a_broken_sequence_file_leaves_its_sequence_as_it_last_was_and_the_others_alone(shop: Shop) -> None:
    edited, spoiled = shop.add_sequence("edited"), shop.add_sequence("spoiled")
    sound = edited.read_text()
    template = spoiled.with_name("mail.html")
    with ScriptedServer() as server:
        shop.sign_up("edit-fine1", to="edited")
        shop.tick(server.url)
        kept = template.read_text()
        edited.write_text(sound.replace("steps:", "staps:"))
        template.write_text("<p>Hello {{ lead.first_name </p>")
        never_sound = shop.add_sequence("never_sound")
        never_sound.write_text(sound.replace("trigger:", "trigger: ["))
        shop.sign_up("edit-fine2", to="edited")
        shop.sign_up("edit-fine3", to="spoiled")
        shop.sign_up("edit-fine4")
        shop.enter("edit-fine1", to="never_sound")
        shop.tick(server.url)
        exit_code, errors = _validated(shop)
        assert exit_code == 1
        for file in (edited, template, never_sound):
            assert f"{file.parent.name}/{file.name}:" in errors
        assert "edited goes on as it last validly was" in shop.problems()
        assert "spoiled goes on as it last validly was" in shop.problems()
        assert counted(recipients(server), *(f"edit-fine{number}" for number in range(1, 5))) == [1] * 4
    assert shop.decisions("edit-fine1") == [("edited", "enrolled")]
    edited.write_text(sound)
    template.write_text(kept)
    never_sound.unlink()
    assert _validated(shop)[0] == 0


def test_a_segment_without_a_result_pauses_the_sequences_that_name_it_and_no_other(shop: Shop) -> None:
    files = {name: shop.project.segments / f"{name}.sql" for name in BROKEN_SEGMENTS}
    for name, file in files.items():
        file.write_text(BROKEN_SEGMENTS[name])
        shop.add_sequence(f"of_{name}", segments=name)
        shop.sign_up(f"segment-{name}", to=f"of_{name}", company="Acme")
    shop.sign_up("segment-fine1")
    with ScriptedServer() as server:
        decided, _ = shop.tick(server.url)
        assert {failure.segment for failure in decided.broken_segments} == set(BROKEN_SEGMENTS)
        assert all(failure.reason for failure in decided.broken_segments)
        assert counted(recipients(server), "segment-fine1") == [1]
        for name, file in files.items():
            assert shop.decisions(f"segment-{name}") == []
            assert f"of_{name} is paused: segment {name} has no result" in shop.problems()
            file.write_text(SEGMENT)
        decided, _ = shop.tick(server.url)
        assert decided.broken_segments == []
        assert counted(recipients(server), *(f"segment-{name}" for name in files)) == [1] * len(files)
        assert counted(recipients(server), "segment-fine1") == [1]


# Mail servers --------------------------------------------------------------------------------------------------------


def test_a_server_that_is_down_or_takes_no_mail_leaves_everything_due(shop: Shop) -> None:
    shop.sign_up("down-fine1", "down-fine2")
    _, absent = shop.tick(f"smtp://127.0.0.1:{closed_port()}")
    with RawServer(lambda dialogue, _: dialogue.say("421 4.3.2 going down")) as closing:
        _, closed = shop.tick(closing.url)
    for report in (absent, closed):
        assert (report.due, report.sent, report.failed, report.in_doubt) == (2, 0, 0, 0)
        assert report.stopped
    assert "421" in (closed.stopped or "")
    assert shop.statuses("down-fine1", "down-fine2") == {"down-fine1": [], "down-fine2": []}
    assert shop.enrollments("down-fine1")[0]["next_step_id"] == "hello"
    with ScriptedServer() as server:
        _, report = shop.tick(server.url)
    assert (report.sent, report.stopped) == (2, None)
    assert counted(recipients(server), "down-fine1", "down-fine2") == [1, 1]


def test_a_refused_recipient_is_bounced_suppressed_and_out_of_the_sequence(shop: Shop) -> None:
    def refuse(address: str) -> str | None:
        return "550 5.1.1 no such user" if address.startswith("ghost") else None

    with ScriptedServer(on_rcpt=refuse) as server:
        shop.sign_up("ghost", "refuse-fine1")
        _, report = shop.tick(server.url)
        assert (report.sent, report.bounced, report.stopped) == (1, 1, None)
        [message] = shop.messages("ghost")
        assert (message["status"], message["smtp_code"], message["attempts"]) == ("failed", 550, 1)
        assert message["bounced_at"]
        shop.add_sequence("elsewhere")
        shop.enter("ghost", "refuse-fine1", to="elsewhere")
        shop.tick(server.url)
        [enrollment] = shop.enrollments("ghost")
        assert (enrollment["status"], enrollment["exit_reason"], enrollment["steps_sent"]) == ("exited", "bounced", 0)
        assert shop.decisions("ghost") == [("elsewhere", "suppressed"), ENROLLED]
        assert counted(recipients(server), "ghost", "refuse-fine1") == [0, 2]


class Rude:
    """A server that takes mail, and does something else to certain leads at their first attempt.

    `refused`: 421 to the recipient. `refused-whole`: 421 to the whole message. `cut-before`: hangs up before the body,
    `cut-within`: in the middle of it, `cut-after`: at its end, without a word.
    """

    def __init__(self) -> None:
        self.recipients: list[str] = []
        self.attempts: list[str] = []

    def __call__(self, dialogue: Dialogue, number: int) -> None:
        dialogue.greet()
        recipient, fault = "", ""
        while command := dialogue.hear():
            if command.startswith("RCPT"):
                recipient = command.partition("<")[2].partition(">")[0]
                fault = "" if recipient in self.attempts else recipient.partition("@")[0].removeprefix("rude-")
                self.attempts.append(recipient)
                dialogue.say("421 4.7.0 too many" if fault == "refused" else "250 ok")
            elif command.startswith("DATA"):
                if fault == "cut-before":
                    return
                dialogue.say("354 go on")
                if fault == "cut-within":
                    dialogue.hear()
                    return
                dialogue.hear_body()
                if fault == "cut-after":
                    return
                if fault == "refused-whole":
                    dialogue.say("421 4.3.2 shutting down")
                else:
                    self.recipients.append(recipient)
                    dialogue.say("250 kept")
            else:
                dialogue.say("250 ok")


def test_what_a_server_says_not_now_to_is_tried_again_and_what_it_left_unanswered_never_is(shop: Shop) -> None:
    retried = ["rude-refused", "rude-refused-whole", "rude-cut-before"]
    unanswered = ["rude-cut-within", "rude-cut-after"]
    fine = [f"rude-fine{number}" for number in range(4)]
    rude = Rude()
    shop.sign_up(*retried, *unanswered, *fine)
    with RawServer(rude) as server:
        for _ in range(3):  # losses in a row may have ended a tick's sending early
            shop.tick(server.url)
    assert counted(rude.recipients, *fine, *retried, *unanswered) == [1] * 7 + [0] * 2
    assert counted(rude.attempts, *fine, *retried, *unanswered) == [1] * 4 + [2] * 3 + [1] * 2
    assert shop.statuses(*fine, *retried, *unanswered) == {
        **{name: ["sent"] for name in fine + retried},
        **{name: ["in_doubt"] for name in unanswered},
    }
    assert [message["attempts"] for name in retried for message in shop.messages(name)] == [2, 2, 2]
    for name in unanswered:
        [enrollment] = shop.enrollments(name)
        assert (enrollment["status"], enrollment["next_step_id"]) == ("active", "hello")
        assert f"to {name}@x.example) is in doubt" in shop.problems()
