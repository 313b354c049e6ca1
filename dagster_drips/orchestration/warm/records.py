"""Dagster's records of runs, written without opening their files anew for each statement.

Dagster keeps events in SQLite, and opens a file, sets it up and closes it six times for each event of an asset. A tick
has some 650 events, a third of them written by the daemon before the run starts; this was most of the CPU that a tick
took. What belongs here: keeping a few files open. Which events there are is Dagster's and the assets' matter.
"""

from __future__ import annotations

import importlib
import sqlite3
import sys
import threading
from collections import OrderedDict
from typing import Any

_MODULE = "dagster._core.storage.event_log.sqlite.sqlite_event_log"
_MOST = 4
"""Files kept open: the index, and those of the runs that are written or watched now."""


def keep_records_open() -> bool:
    """Have this process keep the files of events open that it used last; whether Dagster's code is as expected.

    A process that keeps them must not be forked: `server` calls this in the child alone.
    """
    storage: Any = importlib.import_module(_MODULE)
    if isinstance(getattr(storage, "create_engine", None), _Engines):
        return True
    if not hasattr(storage, "create_engine") or not hasattr(storage, "NullPool"):
        return False
    storage.create_engine = _Engines(storage.create_engine)
    return True


def close_records() -> None:
    """Close them, so that what is in a write-ahead log comes into its file: a process that just ends leaves both."""
    kept = getattr(sys.modules.get(_MODULE), "create_engine", None)
    if isinstance(kept, _Engines):
        kept.close()


class _Engines:
    """Takes the place of SQLAlchemy's `create_engine` in that module: the same engine for the same file."""

    def __init__(self, create_engine: Any):
        self._create_engine = create_engine
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, address: str, **options: Any) -> Any:
        with self._lock:
            engine = self._kept.pop(address, None) or self._made(address, options)
            self._kept[address] = engine
            self._leave(_MOST)
        return engine

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            self._leave(0)

    def _leave(self, most: int) -> None:
        while len(self._kept) > most:
            _, oldest = self._kept.popitem(last=False)
            type(oldest).dispose(oldest)  # connections that are in use are closed when they come back

    def _made(self, address: str, options: dict[str, Any]) -> Any:
        from sqlalchemy import event

        # More than one, as a question may be asked while another one's rows are read.
        engine = self._create_engine(address, connect_args=options.get("connect_args", {}), pool_size=2)
        event.listen(engine, "connect", _set_up)
        engine.dispose = lambda close=True: None  # what Dagster calls after each statement
        return engine


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    # With write-ahead logging a crash of the machine may cost the last events, never the file; the truth of what was
    # decided and sent is in our own journals.
    connection.execute("pragma synchronous = normal")
