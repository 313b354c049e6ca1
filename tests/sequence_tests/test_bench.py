"""One test on the bench: what it tells where something differs, that the ticks are the real ones, and that it leaves
nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from conftest import REPOSITORY

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.sequence_tests.bench import Bench, StagedProject
from dagster_drips.sequence_tests.given import given_rows, land
from dagster_drips.sequence_tests.telling import first_difference
from dagster_drips.sequences.activation import activated
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.sequences.fields import Duration
from dagster_drips.sequences.tests_file import WrittenTest
from dagster_drips.warehouse import open_warehouse
from sequence_tests.conftest import EXAMPLE, SEQUENCE, blocks

pytestmark = pytest.mark.slow

Written = Callable[[str], WrittenTest]


def later_hour(catalog: Catalog) -> Catalog:
    """The sequence as if its first step waited for two hours."""
    one = catalog.written[SEQUENCE]
    first, *others = one.sequence.steps
    steps = [first.model_copy(update={"delay": Duration(hours=2)}), *others]
    changed = replace(one, sequence=one.sequence.model_copy(update={"steps": steps}))
    return replace(catalog, written={**catalog.written, SEQUENCE: changed})


def test_the_example_of_the_page_passes(bench: Bench, written: Written) -> None:
    verdict = bench.run(written(EXAMPLE))
    assert verdict.passed, first_difference(verdict)
    assert verdict.ticks == len(verdict.written.ticks) == 7


def test_the_page_shows_what_is_told_of_a_longer_delay(bench: Bench, written: Written) -> None:
    [told] = blocks("text")
    assert first_difference(bench.run(written(EXAMPLE), later_hour)) == told.splitlines()


MAILS = EXAMPLE[EXAMPLE.index("      mails:") : EXAMPLE.index("      exits:")]
LATER = "\n    ticks: [+1h10m, +1d10m]\n    expect:"
# (what is replaced, by what, where: expected, got, why)
DIFFERENCES = [
    ("        - {lead_id: bea, step: day, at: +1d10m}\n", "", (None, "mail day to bea", "scheduled for 2026-03-03")),
    ("step: day, at: +1d10m", "step: day, at: +1h10m", ("mail day to bea", None, "another one (M1)")),
    ("You left Lamp in", "You have Lamp in", ('subject "You have Lamp in your cart"', '"You left Lamp in', "")),
    ("lacks: [Lamp]", "lacks: [We kept]", ('no "We kept" in it', "it is there", "")),
    ("contains: [We kept your cart]", "contains: [Hello]", ('"Hello" in it', "We kept your cart", "")),
    ("step: hour, at: +1h10m, subject", "step: hour, sender: a@x.example, subject", ("sender a@x", "sender h", "")),
    ("reason: converted", "reason: exit_event", ("exit of ada: exit_event", "exit of ada: converted", "(L1)")),
    ("{lead_id: ada, reason: conv", "{lead_id: bea, reason: conv", (None, "exit of ada: converted", "(L1)")),
    ("      exits:", "      enrollments: []\n      exits:", (None, "decision of ada: enrolled", "enrolled at")),
    ("      exits:", "      skips: [{lead_id: bea, step: hour}]\n      exits:", ("skip hour", None, "once (M1)")),
    ("      exits:", "      completed: [{lead_id: bea}]\n      exits:", ("completion", None, "nothing of L1 ends it")),
    ("      mails:", "      enrollments: [{lead_id: bea}, {lead_id: ada, arm: control}]\n      mails:",
     ("arm control", "arm treatment", "")),
    ("    expect:", "      engagement: [{lead_id: bea, step: hour, type: clicked, occurred_at: +1h}]\n    expect:",
     ("mail hour to bea before it is clicked", None, "(E1, E2)")),
    ("    expect:", "      suppressions: [{lead_id: bea}]\n    expect:", ("mail hour to bea", None, "suppressed (E3)")),
    ("    expect:", "      suppressions: [{lead_id: bea, occurred_at: +1h}]\n    expect:",
     ("mail hour to bea", None, "suppressed (E3)")),
    ("{lead_id: bea}", "{lead_id: bea, email: ''}", ("mail hour to bea", None, "(E3, E9)")),
    ("lead_id: bea, event: cart", "lead_id: bea, event: chart", ("mail hour to bea", None, "(E1, E2)")),
    ("2026-03-02T11:00:00Z", "2026-03-02T21:00:00Z", ("mail hour to ada", None, "waits for the send window (M5)")),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), DIFFERENCES, ids=lambda value: str(value)[:30])
def test_the_first_difference_is_told_with_its_rule(
    bench: Bench, written: Written, old: str, new: str, told: tuple[str | None, str | None, str]
) -> None:
    assert old in EXAMPLE
    difference = bench.run(written(EXAMPLE.replace(old, new, 1).replace("\n    expect:", LATER, 1))).difference
    assert difference is not None
    for got, wanted in zip((difference.expected, difference.got), told[:2], strict=True):
        assert (got is None) == (wanted is None), difference
        assert (wanted or "") in (got or ""), difference
    assert told[2] in difference.why, difference


def test_the_order_of_rows_and_kinds_without_expectations_dont_matter(bench: Bench, written: Written) -> None:
    lines = MAILS.splitlines(keepends=True)
    assert bench.run(written(EXAMPLE.replace(MAILS, "".join([lines[0], *reversed(lines[1:])])))).passed
    assert bench.run(written(EXAMPLE.replace(MAILS, ""))).passed


def test_a_test_leaves_nothing_to_the_next(bench: Bench, written: Written) -> None:
    with_segment = EXAMPLE.replace("    expect:", "      segments: {customers: [bea], dormant: []}\n    expect:")
    before = bench.warehouse.value("select sql from duckdb_views() where view_name = 'customers'")
    assert bench.run(written(with_segment)).passed
    for table in ("raw.leads", "raw.delivery_log", "journal.enrollment_decisions", "journal.ticks", "given.members"):
        assert bench.warehouse.value(f"select count(*) from {table}") == 0, table
    assert bench.warehouse.value("select sql from duckdb_views() where view_name = 'customers'") == before


def test_a_segment_that_fails_on_what_is_given_says_why(bench: Bench, written: Written) -> None:
    before = bench.segments["customers"].select
    bench.replace_segment("customers", "select lead_id from staging.stg_leads where cast(lead_id as integer) > 0")
    try:
        with pytest.raises(DripsError, match=r"Could not convert string '(ada|bea)'"):
            bench.run(written(EXAMPLE))
    finally:
        bench.replace_segment("customers", before)
    assert bench.run(written(EXAMPLE)).passed


FACTS = """
tests:
  - name: all kinds of facts
    start: 2026-03-02T11:00:00Z
    active_from: -1d
    given:
      leads:
        - {lead_id: ada, timezone: Asia/Tokyo}
        - {lead_id: bea, email: ''}
        - {lead_id: bea, updated_at: +1d}
        - {lead_id: cem}
        - {lead_id: dora}
      events:
        - {lead_id: ada, event: cart, occurred_at: -1h}
        - {lead_id: bea, event: cart, occurred_at: +0h}
        - {lead_id: cem, event: cart, occurred_at: +1m, received_at: +2h}
        - {lead_id: dora, event: cart, occurred_at: -21h}
        - {lead_id: dora, event: purchase, occurred_at: +1d}
        - {lead_id: cem, event: payment_done, occurred_at: +1d2h, value: 49.90, currency: EUR}
      suppressions:
        - {lead_id: ada, occurred_at: +2d}
    ticks: {every: 7h, until: +6d}
    expect: {mails: []}
"""


def test_the_ticks_are_those_of_a_replay(
    bench: Bench, written: Written, project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Row for row, though here every statement is planned once and there the models are made anew."""
    test = written(FACTS)
    on_bench: list[list[dict[str, Any]]] = []
    # Whatever it expects: it is lived to its end, and what happened is noted.
    lived = replace(
        test, test=test.test.model_copy(update={"expect": test.test.expect.model_copy(update={"mails": None})})
    )
    bench.run(lived, on_tick=on_bench.append)
    folder = tmp_path_factory.mktemp("replayed")
    staged = StagedProject(project.root, folder / "data")
    transform = Transform(staged, warehouse=folder / "warehouse.duckdb", target_path=folder / "target")

    def edit(catalog: Catalog) -> Catalog:
        active = activated(catalog, [SEQUENCE])
        one = active.written[SEQUENCE]
        start = one.sequence.model_copy(update={"active_from": datetime(2026, 3, 1, 11)})
        return activated(replace(active, written={SEQUENCE: replace(one, sequence=start)}), [SEQUENCE])

    pipeline = Pipeline(staged, transform, journal=None, edit=edit)
    land(staged, given_rows(test.test))
    replayed = []
    statement = (REPOSITORY / "dagster_drips" / "sequence_tests" / "bench.sql").read_text()
    happened = statement.split("-- name: happened\n")[1].split("-- name:")[0]
    with open_warehouse(transform.warehouse) as warehouse:
        for as_of in test.ticks:
            pipeline.tick(warehouse, as_of, settings=None, measure=False)
            replayed.append(warehouse.rows(happened, {"sequence_id": SEQUENCE, "as_of": as_of}))
    assert on_bench == replayed
    kinds = {row["kind"] for rows in replayed for row in rows}
    assert kinds >= {"mails", "enrollments", "exits", "skips"}, kinds
