"""dagster-drips: drip and lifecycle email that lives in the data warehouse.

docs/architecture.md has the packages and their order. Who gets which mail, and when, is decided in SQL (`dbt_package/`)
and nowhere in Python. What a code location of others takes from here (docs/existing-deployment.md) is imported as it is
asked for: a command needs no Dagster.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "DripsComponent": "dagster_drips.component",
    "build_defs": "dagster_drips.orchestration.build",
}

__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
