"""Modules that are imported at their first use instead of at their import.

A process that is to be forked must have one thread: a lock that another thread held would never be let go in the child.
Polars and DuckDB's NumPy start threads as soon as they are imported, and all modules that read or write data import
them. So they get a stand-in here, which becomes the module at the first look into it, in the child. The standard
library's `LazyLoader` would import them at once: `inspect.getmodule`, which pydantic and Dagster call, asks all modules
for their file.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Collection, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

THREADED = ("duckdb", "polars")
"""Libraries that start threads when they are imported."""


class _Later(ModuleType):
    """Stands for a module until something of it is used."""

    def __getattr__(self, name: str) -> Any:
        # Who looks at all modules asks for their files and the like; what is used has no such name.
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


class _StandIns(MetaPathFinder, Loader):
    """Finds a stand-in for each of the modules once; whoever asks again means the module itself."""

    def __init__(self, names: Collection[str]):
        self._left = set(names)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if fullname not in self._left:
            return None
        self._left.remove(fullname)
        found = PathFinder.find_spec(fullname, path, target)
        if found is None:
            return None
        spec = ModuleSpec(fullname, self, is_package=True)
        spec.submodule_search_locations = found.submodule_search_locations
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None: ...


def import_later(names: Collection[str] = THREADED) -> None:
    """Have these modules imported at their first use from now on; those that are there already stay as they are."""
    sys.meta_path.insert(0, _StandIns([name for name in names if name not in sys.modules]))


def not_yet_imported(names: Collection[str] = THREADED) -> list[str]:
    """Which of them are stand-ins still, or were never asked for."""
    return [name for name in names if isinstance(sys.modules.get(name), _Later | None)]
