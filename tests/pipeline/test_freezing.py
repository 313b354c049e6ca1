"""What due messages show of content models (M9), on tables that stand for what dbt makes: no tick is run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dagster_drips.pipeline.content import MAX_ROWS, freeze_content
from dagster_drips.templating.content import content_record
from dagster_drips.warehouse import Warehouse, open_warehouse

KEYS = """
create table decide.content_keys (
    message_id varchar, enrollment_id varchar, step_id varchar, lead_id varchar, attempt integer, content varchar,
    key varchar, is_many boolean, is_missing boolean, failure varchar, key_value varchar
)
"""
TYPED = """
create view content.typed as select * from (values (
    'A', 1, 2.50::decimal(6, 2), 12345678901234567.89::decimal(30, 2), 0.1::double, true, date '2026-03-01',
    timestamp '2026-03-01 10:00:00.25', timestamptz '2026-03-01 12:00:00+02', time '10:30', ['x', null, 'y'],
    {'name': 'N', 'born': date '2000-02-29', 'none': null::integer}, map {'k': 1.5::decimal(3, 1)}, null::varchar,
    '{"a": [1.5]}'::json, 'nan'::double, 'b'::enum ('a', 'b')
)) as one (
    "Lead_ID", whole, price, exact, float, yes, day, instant, zoned, clock, texts, row, map, missing, raw, nan, kind
)
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with open_warehouse(tmp_path / "warehouse.duckdb") as opened:
        for statement in ("create schema decide", "create schema content", KEYS):
            opened.execute(statement)
        opened.execute("insert into raw.step_content values ('s', 'one', 'typed')")
        opened.execute("insert into raw.tick values ('2026-03-01', null, '2026-03-01', '2026-03-01')")
        yield opened


def due(warehouse: Warehouse, lead_id: str | None, content: str, **more: Any) -> str:
    """A due message that uses a model; its id."""
    row = {
        "message_id": f"message of {lead_id}",
        "enrollment_id": "e",
        "step_id": "one",
        "lead_id": lead_id,
        "attempt": 1,
        "content": content,
        "key": "lead_id",
        "is_many": False,
        "is_missing": False,
        "failure": None,
        "key_value": lead_id,
    }
    warehouse.append_rows("decide.content_keys", [row | more])
    return row["message_id"]


def shown(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    rows = warehouse.rows("select * from raw.due_content")
    return {row["message_id"]: dict(content_record(row["content"], row["content_types"])) for row in rows}


def reasons(warehouse: Warehouse) -> dict[str, str]:
    return {failure.content: failure.reason for failure in freeze_content(warehouse)}


def journal(warehouse: Warehouse, message_id: str, as_of: str, content: str) -> None:
    warehouse.append_rows(
        "journal.message_content",
        [
            {
                "message_id": message_id,
                "enrollment_id": "e",
                "step_id": "one",
                "lead_id": "A",
                "as_of": datetime.fromisoformat(as_of),
                "recorded_at": datetime(2026, 3, 1),
                "content": json.dumps({"typed": {"v": content}}),
                "content_types": json.dumps({"typed": {"many": False, "columns": {"v": "VARCHAR"}}}),
            }
        ],
    )


def test_columns_come_back_with_their_types(warehouse: Warehouse) -> None:
    warehouse.execute(TYPED)
    message = due(warehouse, "A", "typed")
    assert reasons(warehouse) == {}
    row = shown(warehouse)[message]["typed"]
    assert str(row.pop("nan")) == "nan"
    assert row == {
        "Lead_ID": "A",
        "whole": 1,
        "price": Decimal("2.50"),
        "exact": Decimal("12345678901234567.89"),
        "float": 0.1,
        "yes": True,
        "day": date(2026, 3, 1),
        "instant": datetime(2026, 3, 1, 10, 0, 0, 250000),
        "zoned": datetime(2026, 3, 1, 10),
        "clock": datetime(2026, 1, 1, 10, 30).time(),
        "texts": ["x", None, "y"],
        "row": {"name": "N", "born": date(2000, 2, 29)},
        "map": {"k": Decimal("1.5")},
        "raw": {"a": [1.5]},
        "kind": "b",
    }
    assert isinstance(row["float"], float)
    assert str(row["price"]) == "2.50"


def test_a_key_without_a_row_has_no_value_or_an_empty_list(warehouse: Warehouse) -> None:
    warehouse.execute("create view content.typed as select 'A' as lead_id, 1 as x")
    warehouse.execute("create view content.many as select 'A' as lead_id, unnest([2, 1]) as x")
    for lead_id in ("A", "B", None):
        due(warehouse, lead_id, "typed")
        due(warehouse, lead_id, "many", is_many=True)
    assert reasons(warehouse) == {}
    empty = {"many": []}
    assert shown(warehouse) == {
        "message of A": {
            "many": [{"lead_id": "A", "x": 1}, {"lead_id": "A", "x": 2}],
            "typed": {"lead_id": "A", "x": 1},
        },
        "message of B": empty,
        "message of None": empty,
    }


def test_what_fails_is_told_in_one_line_and_freezes_nothing(warehouse: Warehouse) -> None:
    warehouse.execute("create view content.twice as select unnest(['A', 'A', 'B']) as lead_id")
    warehouse.execute(f"create view content.crowd as select 'A' as lead_id from range({MAX_ROWS + 1})")
    warehouse.execute("create view content.keyless as select 1 as a, 2 as b")
    warehouse.execute("create view content.cast_fails as select 'A' as lead_id, cast('x' as integer) as n")
    warehouse.execute("create view content.long as select 'A' as lead_id, repeat('x', 1000001) as x")
    for content in ("twice", "keyless", "cast_fails", "long", "unmade"):
        due(warehouse, "A", content)
    due(warehouse, "A", "crowd", is_many=True)
    due(warehouse, "A", "gone", is_missing=True)
    due(warehouse, "A", "broken", failure="Binder Error: no such column")
    found = reasons(warehouse)
    assert found.pop("cast_fails").startswith("Conversion Error: Could not convert string 'x' to INT32")
    assert found == {
        "twice": "2 rows of lead_id 'A', and one was promised",
        "keyless": "it has no column 'lead_id', by which its rows are found; it has a, b",
        "long": "the rows of lead_id 'A' have 1000023 characters, more than 1000000",
        "unmade": "no tick has made it yet",
        "crowd": "1001 rows of lead_id 'A', more than 1000",
        "gone": "there is no such file, and a template names this content model",
        "broken": "Binder Error: no such column",
    }
    assert shown(warehouse) == {}


def test_keys_compare_as_text(warehouse: Warehouse) -> None:
    warehouse.execute("create view content.typed as select 7 as order_id, 'lines' as x")
    due(warehouse, "A", "typed", key="order_id", key_value="7")
    due(warehouse, "B", "typed", key="order_id", key_value="7.0")
    assert reasons(warehouse) == {}
    assert shown(warehouse) == {"message of A": {"typed": {"order_id": 7, "x": "lines"}}, "message of B": {}}


def test_what_was_tried_and_a_repeated_tick_show_the_same_again(warehouse: Warehouse) -> None:
    warehouse.execute("create view content.typed as select unnest(['A', 'B', 'C']) as lead_id, 'new' as v")
    tried = due(warehouse, "A", "typed", attempt=2)
    journal(warehouse, tried, "2026-02-28", "old")
    journal(warehouse, tried, "2026-02-27", "oldest")
    repeated = due(warehouse, "B", "typed")
    journal(warehouse, repeated, "2026-03-01", "of this tick")
    waited = due(warehouse, "C", "typed")
    journal(warehouse, waited, "2026-02-28", "old")
    assert reasons(warehouse) == {}
    assert {key: row["typed"]["v"] for key, row in shown(warehouse).items()} == {
        tried: "old",
        repeated: "of this tick",
        waited: "new",
    }
    assert new(warehouse) == {waited}
    # Left due, and asked again at the next tick: what is the same is in the journal already.
    warehouse.execute("update raw.tick set as_of = timestamp '2026-03-02'")
    assert reasons(warehouse) == {}
    assert new(warehouse) == {repeated}


def new(warehouse: Warehouse) -> set[str]:
    return {row["message_id"] for row in warehouse.rows("select message_id from raw.due_content where is_new")}


def test_nothing_is_asked_where_no_template_names_a_model(warehouse: Warehouse) -> None:
    warehouse.execute("delete from raw.step_content")
    warehouse.execute("insert into raw.due_content values ('stale', '{}', '{}', true)")
    warehouse.execute("drop table decide.content_keys")
    assert reasons(warehouse) == {}
    assert warehouse.value("select count(*) from raw.due_content") == 0
