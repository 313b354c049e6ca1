"""Dagster's assets are the phases of `Pipeline.tick` one by one, in its order."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from conftest import copy_project

from dagster_drips.orchestration.build import build_defs
from dagster_drips.pipeline.tick import PHASES, Pipeline
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

ASSETS = {
    "begin": ["raw/tick"],
    "load": ["raw/sequences", "raw/leads", "raw/events", "raw/suppressions", "raw/engagement"],
    "decide": ["decide/due_steps"],
    "commit": ["journal/enrollment_decisions"],
    "send": ["raw/delivery_log"],
    "settle": ["journal/enrollment_closings"],
    "measure": ["marts/enrollments", "marts/sequence_performance"],
}
"""What shows of each phase in Dagster."""


def test_a_tick_goes_through_its_phases_and_the_assets_follow_one_another_as_they_do(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    seen = []

    @contextmanager
    def around(phase: str):
        seen.append(phase)
        yield

    project.data.mkdir(exist_ok=True)
    with open_warehouse(project.warehouse) as warehouse:
        report = Pipeline.of(project).tick(warehouse, datetime(2026, 3, 1), settings=None, around=around)
    assert [node for node in report.measured if node.failed] == []
    assert tuple(seen) == PHASES == tuple(ASSETS)

    graph = build_defs(project).resolve_asset_graph()
    for earlier, later in pairwise(PHASES):
        for asset in ASSETS[later]:
            upstream = graph.get_ancestor_asset_keys(_key(asset))
            missing = [one for one in ASSETS[earlier] if _key(one) not in upstream]
            assert missing == [], f"{asset} of {later} does not wait for {earlier}"


def _key(path: str) -> dg.AssetKey:
    return dg.AssetKey(path.split("/"))
