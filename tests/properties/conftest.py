"""One workbench for all random projects: parsing dbt is what takes time."""

from __future__ import annotations

import pytest

from properties.workbench import Workbench


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return Workbench(tmp_path_factory.mktemp("workbench"))
