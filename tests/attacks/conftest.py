"""What attacks on keys share: one project, as parsing dbt is what takes time."""

from __future__ import annotations

import pytest

from tests.attacks.town import Town


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("town"))
