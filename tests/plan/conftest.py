"""One world a process, and its base side, lived once for all edits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from plan.world import World


@dataclass(frozen=True)
class Planned:
    world: World
    base: Path


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    world = World(tmp_path_factory.mktemp("plan"))
    world.live()
    base, report = world.side(reads_sequences=False)
    assert report.problems == []
    return Planned(world, base)
