"""How long things took: stations of one tick, and all ticks in buckets."""

from __future__ import annotations

import pytest
from dbt_models import view_of

from dagster_drips.warehouse import Warehouse, open_warehouse

ROWS = """
insert into journal.ticks by name
select timestamp '2026-03-01 10:00' as as_of, phase, moment as recorded_at, cast(1 as bigint) as last_load_id
from (values ('decided', timestamp '2026-03-01 10:00:05'), ('finished', timestamp '2026-03-01 10:00:09'))
    as t (phase, moment);
insert into raw.loaded_files by name
select id as load_id, 'events' as kind, id || '.csv' as path, 1 as size, id || '' as sha256, id as rows, 0 as rejected,
    0 as duplicates, moment as loaded_at
from (values (1, timestamp '2026-03-01 10:00:01'), (2, timestamp '2026-03-01 10:05:01')) as t (id, moment);
insert into raw.events by name
select id as event_id, 'l' as lead_id, 'cart' as event, moment as occurred_at, received as received_at, load as _load,
    1 as _line
from (values
    ('e1', timestamp '2026-03-01 09:59:00', timestamp '2026-03-01 09:59:01', 1),
    ('e2', timestamp '2026-03-01 09:59:31', timestamp '2026-03-01 09:59:30', 1),
    ('e3', timestamp '2026-03-01 10:01:00', null, 2)) as t (id, moment, received, load);
insert into raw.delivery_log by name
select 'm1' as message_id, 1 as attempt, outcome, moment as recorded_at, timestamp '2026-03-01 10:00' as as_of,
    'e' as enrollment_id, 's' as sequence_id, 'v' as version_id, 'a' as step_id, 'l' as lead_id,
    'a@acme.example' as sender, 'b@acme.example' as recipient, timestamp '2026-03-01' as scheduled_at,
    false as transactional
from (values ('claimed', timestamp '2026-03-01 10:00:06'), ('sent', timestamp '2026-03-09 10:00:06'))
    as t (outcome, moment);
"""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory):
    with open_warehouse(tmp_path_factory.mktemp("latency") / "warehouse.duckdb") as found:
        found.execute("create schema if not exists marts")
        for statement in ROWS.split(";\n"):
            if statement.strip():
                found.execute(statement)
        for model in ("pipeline_latency", "latency_histogram"):
            found.execute(view_of(model))
        yield found


def test_a_span_is_in_the_bucket_that_it_ends_in_and_empty_ones_are_rows(warehouse: Warehouse) -> None:
    rows = warehouse.rows("from marts.latency_histogram")
    assert len(rows) == len({(row["stage"], row["bucket"]) for row in rows}) == 4 * 16
    found = {(row["stage"], row["bucket"]): (row["spans"], row["seconds"]) for row in rows if row["spans"]}
    assert found == {
        # An end belongs to its bucket; a span that clocks made negative is nowhere, nor what no tick has loaded yet.
        ("occurred_to_received", 1): (1, 1.0),
        ("received_to_loaded", 5): (2, 91.0),
        ("loaded_to_due", 2): (2, 8.0),
        ("due_to_sent", 16): (1, 8 * 86400 + 1.0),
    }
    ends = [
        row["up_to_seconds"] for row in sorted(rows, key=lambda row: row["bucket"]) if row["stage"] == "due_to_sent"
    ]
    assert ends[-1] is None
    assert ends[:-1] == sorted(ends[:-1])


def test_the_tick_has_the_same_spans(warehouse: Warehouse) -> None:
    [tick] = warehouse.rows("from marts.pipeline_latency")
    assert (tick["occurred_to_received_max"], tick["loaded_to_due_p50"], tick["rows_loaded"]) == (1.0, 4.0, 1)
    assert tick["due_to_sent_max"] == 8 * 86400 + 1
