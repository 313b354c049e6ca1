"""One small demo for all tests of the console: two and a half days, people who react, what it published."""

from __future__ import annotations

from datetime import datetime

import pytest
from conftest import REPOSITORY

from dagster_drips.demo.run import DemoPlan, run_demo
from dagster_drips.project import Project


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Its project."""
    plan = DemoPlan(
        leads=400,
        events=4_000,
        first_tick=datetime(2026, 3, 3, 2),
        last_tick=datetime(2026, 3, 5, 14),
        sample_start=datetime(2026, 2, 13),
    )
    return run_demo(Project.at(REPOSITORY), tmp_path_factory.mktemp("console") / "demo", plan).project
