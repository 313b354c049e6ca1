"""One company a process, lived once for all that is asked of it."""

from __future__ import annotations

import pytest

from explain.company import Company


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(tmp_path_factory.mktemp("explained"))
