"""Dagster's records of a run, written without opening their files anew for each event.

Dagster keeps events in SQLite, and opens a file, sets it up and closes it six times for each event of an asset. A tick
has some 650 events, and so this is most of the CPU that it takes. What belongs here: keeping the files open in the
process of a run, which lives for one run. Which events there are is Dagster's and the assets' matter.
"""

from __future__ import annotations

import sqlite3
from typing import Any

_MODULE = "dagster._core.storage.event_log.sqlite.sqlite_event_log"


def keep_records_open() -> bool:
    """Have this process keep the files of events open that it has opened; whether Dagster's code is as expected.

    To be called before a `DagsterInstance` is made, in a process that ends with its run.
    """
    import importlib

    storage: Any = importlib.import_module(_MODULE)
    if not hasattr(storage, "create_engine") or not hasattr(storage, "NullPool"):
        return False
    create_engine = storage.create_engine
    engines: dict[str, Any] = {}

    def kept_engine(address: str, **options: Any) -> Any:
        if address not in engines:
            from sqlalchemy import event

            # Several at once, as one question may be asked while another one's rows are read.
            engine = create_engine(address, connect_args=options.get("connect_args", {}), pool_size=4)
            event.listen(engine, "connect", _set_up)
            engine.dispose = lambda close=True: None
            engines[address] = engine
        return engines[address]

    storage.create_engine = kept_engine
    return True


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    # With write-ahead logging a crash of the machine may cost the last events, never the file; the truth of what was
    # decided and sent is in our own journals.
    connection.execute("pragma synchronous = normal")
