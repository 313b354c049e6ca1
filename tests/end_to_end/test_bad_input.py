"""Bad input through the whole pipeline: each ends in a clear state, and nothing else suffers.

In every test some leads have done nothing wrong (`…fine…`): their mail goes out, exactly once.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from mail.servers import Dialogue, RawServer, ScriptedServer, closed_port
from shop import Shop, counted, lead, new_shop
from typer.testing import CliRunner

from dagster_drips.cli.app import app
from dagster_drips.cli.commands import __all__ as COMMANDS
from dagster_drips.errors import DripsError

ENROLLED = ("welcome", "enrolled")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One for all tests: what a test breaks it mends, and its leads are its own."""
    return new_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that takes everything."""
    with ScriptedServer() as polite:
        yield polite


def recipients(server: ScriptedServer) -> list[str]:
    return [message["To"] for message in server.messages]


# Landed files --------------------------------------------------------------------------------------------------------


def test_malformed_rows_are_in_quarantine_with_their_place_and_the_rest_of_their_file_counts(
    shop: Shop, server: ScriptedServer
) -> None:
    leads = shop.land(
        "leads",
        "".join(
            line + "\n"
            for line in (
                json.dumps(lead("row-fine1")),
                '{"lead_id": "row-torn", "created_at": "2026-01',
                json.dumps(lead("row-untimely", created_at="yesterday")),
                json.dumps(lead("row-fine2")),
            )
        ),
    )
    table = shop.land(
        "leads",
        "lead_id,created_at,email\nrow-fine3,2026-01-01,row-fine3@x.example\nrow-wide,2026-01-01,a@x.example,more\n",
        ".csv",
    )
    shop.enter("row-fine1", "row-fine2", "row-fine3", "row-torn", "row-untimely", "row-wide")
    no_key = shop.land("events", [{"lead_id": "row-fine1", "event": "welcome", "occurred_at": shop.now.isoformat()}])
    shop.tick(server.url)
    shop.tick(server.url)
    assert list(shop.rejected(leads)) == [2, 3]
    assert "malformed line" in shop.rejected(leads)[2]
    assert "created_at" in shop.rejected(leads)[3]
    assert shop.rejected(table) == {3: "malformed line: 4 cells for 3 columns"}
    assert "event_id" in shop.rejected(no_key)[1]
    assert counted(recipients(server), "row-fine1", "row-fine2", "row-fine3") == [1, 1, 1]
    assert [shop.decisions(name) for name in ("row-torn", "row-untimely", "row-wide")] == [[], [], []]
    assert f"data/landing/leads/{leads}:2: 2 rows rejected" in shop.problems()


def test_columns_of_types_that_no_field_has_become_text_and_bytes_that_are_no_text_spoil_their_row_alone(
    shop: Shop, server: ScriptedServer
) -> None:
    names = ["type-fine1", "type-fine2", "type-bytes"]
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
    file = shop.land("leads", buffer.getvalue(), ".parquet")
    shop.enter(*names)
    shop.tick(server.url)
    shop.tick(server.url)
    assert shop.rows("select columns('odd_.*') from raw.leads where lead_id = 'type-fine1'") == [
        {
            "odd_bytes": "text",
            "odd_span": "PT86400S",
            "odd_decimal": "1.50",
            "odd_list": "[1,2]",
            "odd_struct": '{"a":1}',
        }
    ]
    assert shop.rejected(file) == {3: "malformed row: odd_bytes is not UTF-8"}
    assert counted(recipients(server), *names) == [1, 1, 0]


def test_a_duplicate_event_is_dropped_and_counted(shop: Shop, server: ScriptedServer) -> None:
    shop.sign_up("twice-fine1")
    [row] = shop.rows("select 'e1' as event_id, 'twice-fine1' as lead_id, 'visit' as event")
    first, second = ({**row, "occurred_at": shop.now.isoformat(), "value": value} for value in (1, 2))
    shop.land("events", [first])
    shop.tick(server.url)
    again = shop.land("events", [second, second])
    shop.enter("twice-fine1")
    shop.tick(server.url)
    assert shop.rows("select rows, rejected, duplicates from raw.loaded_files where path = ?", f"events/{again}") == [
        {"rows": 0, "rejected": 0, "duplicates": 2}
    ]
    assert shop.values("select value from raw.events where event_id = 'e1'") == [1]
    assert shop.decisions("twice-fine1") == [ENROLLED]
    assert counted(recipients(server), "twice-fine1") == [1]


def test_an_event_of_an_unknown_lead_waits_until_the_lead_lands(shop: Shop, server: ScriptedServer) -> None:
    shop.sign_up("early-fine1")
    shop.enter("early-bird")
    shop.tick(server.url)
    assert shop.decisions("early-bird") == []
    assert counted(recipients(server), "early-fine1", "early-bird") == [1, 0]
    shop.land("leads", [lead("early-bird")])
    shop.tick(server.url)
    shop.tick(server.url)
    assert shop.decisions("early-bird") == [ENROLLED]
    assert counted(recipients(server), "early-fine1", "early-bird") == [1, 1]


def test_a_lead_without_an_address_waits_until_one_lands(shop: Shop, server: ScriptedServer) -> None:
    shop.sign_up("address-fine1")
    shop.sign_up("address-none", email="")
    shop.sign_up("address-words", email="call me")
    shop.tick(server.url)
    assert shop.decisions("address-none") == shop.decisions("address-words") == []
    landed_later = (shop.now - timedelta(minutes=1)).isoformat()
    shop.land("leads", [lead("address-none", updated_at=landed_later)])
    shop.tick(server.url)
    assert shop.decisions("address-none") == [ENROLLED]
    assert shop.decisions("address-words") == []
    assert counted(recipients(server), "address-fine1", "address-none", "address-words") == [1, 1, 0]


def test_an_address_that_no_server_could_take_fails_that_message_alone(shop: Shop, server: ScriptedServer) -> None:
    shop.sign_up("shape-fine1")
    shop.sign_up("shape-comma", email="a@x.example, b@x.example")
    shop.sign_up("shape-header", email="a@x.example\nBcc: b@x.example")
    shop.tick(server.url)
    shop.tick(server.url)
    for name in ("shape-comma", "shape-header"):
        [message] = shop.messages(name)
        assert (message["status"], message["attempts"]) == ("failed", 1)
        assert message["detail"].startswith("bad_address: ")
    assert len(server.messages) == 1
    assert counted(recipients(server), "shape-fine1") == [1]


# Sequence and template files -----------------------------------------------------------------------------------------


def test_a_broken_sequence_file_leaves_its_sequence_as_it_last_was_and_the_others_alone(
    shop: Shop, server: ScriptedServer
) -> None:
    edited = shop.add_sequence("edited")
    shop.sign_up("edit-fine1", to="edited")
    shop.tick(server.url)
    sound = edited.read_text()
    template = edited.with_name("mail.html")
    broken = {
        edited: sound.replace("steps:", "steps: [") + "staps: 3\n",
        template: "<p>Hello {{ lead.first_name </p>",
    }
    never_sound = shop.add_sequence("never_sound")
    never_sound.write_text(sound.replace("trigger:", "triger:"))
    for number, (file, text) in enumerate(broken.items(), 2):
        kept = file.read_text()
        file.write_text(text)
        shop.sign_up(f"edit-fine{number}", to="edited")
        shop.sign_up(f"edit-fine{number}w")
        shop.enter("edit-fine1", to="never_sound")
        shop.tick(server.url)
        result = CliRunner().invoke(app, ["validate", "--project", str(shop.project.root)])
        assert result.exit_code == 1
        assert str(file) in result.stderr or file.name in result.stderr
        assert "never_sound" in result.stderr
        assert "edited goes on as it last validly was" in shop.problems()
        file.write_text(kept)
    never_sound.unlink()
    shop.tick(server.url)
    assert counted(
        recipients(server), "edit-fine1", "edit-fine2", "edit-fine2w", "edit-fine3", "edit-fine3w"
    ) == [1] * 5
    assert CliRunner().invoke(app, ["validate", "--project", str(shop.project.root)]).exit_code == 0
    assert "edited" not in shop.problems()


def test_a_template_error_for_one_lead_fails_that_message_and_no_other(shop: Shop, server: ScriptedServer) -> None:
    shop.add_sequence("personal", template="<html><body>{{ 100 // event.properties.seats }} a seat</body></html>")
    shop.land("leads", [lead(f"render-{name}") for name in ("fine1", "missing", "zero", "fine2")])
    shop.enter("render-fine1", "render-fine2", to="personal", properties={"seats": 5})
    shop.enter("render-missing", to="personal", properties={})
    shop.enter("render-zero", to="personal", properties={"seats": 0})
    shop.tick(server.url)
    shop.tick(server.url)
    assert shop.statuses("render-fine1", "render-fine2", "render-missing", "render-zero") == {
        "render-fine1": ["sent"],
        "render-fine2": ["sent"],
        "render-missing": ["failed"],
        "render-zero": ["failed"],
    }
    assert "render_error: " in shop.messages("render-missing")[0]["detail"]
    assert "seats" in shop.messages("render-missing")[0]["detail"]
    assert "render_error: " in shop.messages("render-zero")[0]["detail"]
    assert counted(recipients(server), "render-fine1", "render-fine2", "render-missing", "render-zero") == [1, 1, 0, 0]
    # failed for good, so the step is resolved and the sequence goes on
    [enrollment] = shop.enrollments("render-zero")
    assert (enrollment["status"], enrollment["next_step_id"]) == ("active", "later")
