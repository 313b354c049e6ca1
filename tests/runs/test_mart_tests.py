"""At which ticks dbt's data tests of marts run (DRIPS_MART_TESTS_EVERY)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_clock import set_clock
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

FIRST = datetime(2026, 3, 1)
TICK = "insert into journal.ticks (as_of, phase, recorded_at, last_load_id) values (?, ?, ?, 0)"


class Asked(Transform):
    """Notes what dbt is asked instead of starting it."""

    def run(
        self, command: str, select: Sequence[str], *, exclude: Sequence[str] = (), full_refresh: bool = False
    ) -> list[NodeResult]:
        assert (command, "tag:ci" in exclude) == ("test", True)
        return [NodeResult("test.drips.a", "pass", "", 0.0, 0)]


@pytest.mark.parametrize(
    ("setting", "tested"),
    [("", [0, 12]), ("DRIPS_MART_TESTS_EVERY=5", [0, 5, 10]), ("DRIPS_MART_TESTS_EVERY=1", [*range(13)])],
)
def test_marts_are_tested_at_the_first_tick_and_at_one_of_so_many(
    tmp_path: Path, setting: str, tested: list[int]
) -> None:
    (tmp_path / ".env").write_text(setting)
    project = Project(tmp_path)
    pipeline = Pipeline(project, Asked(project), journal=None)
    found = []
    with open_warehouse(project.warehouse) as warehouse:
        for number in range(13):
            instant = FIRST + timedelta(minutes=number)
            set_clock(warehouse, instant)
            for phase in ("decided", "finished"):
                warehouse.execute(TICK, [instant, phase, instant])
            if pipeline.check_marts(warehouse):
                found.append(number)
    assert found == tested
