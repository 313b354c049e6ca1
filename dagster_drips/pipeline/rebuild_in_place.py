"""Making a warehouse anew in its own database, where it is no file that another could take the place of.

What was there goes aside, schema by schema, and comes back should the new one not become whole; a process that is
killed meanwhile leaves it there, no tick begins, and the next rebuild starts over. What belongs here:
that exchange. What does not: what a warehouse is made from (`rebuild`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

EARLIER_LOG = "raw_before.delivery_log"
"""The deliveries that the warehouse knew which is put aside."""
_BEFORE = "_before"
_LAST = f"raw{_BEFORE}"
"""Goes last: while it is there, no tick begins, and what it knows of deliveries is not lost."""
_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


@contextmanager
def made_in_place(warehouse: Warehouse) -> Generator[Callable[[], None]]:
    """Inside it the warehouse is empty, to be filled; afterwards it is the new one, or where that failed the old.

    Yields what lets go of the old one before: from then on a failure leaves neither, and no tick begins before a
    rebuild has ended.

    Args:
        warehouse: open for writing, on a server.
    """

    def let_go() -> None:
        with warehouse.transaction():
            for name in _there(warehouse):
                if name.endswith(_BEFORE) and name != _LAST:
                    _drop(warehouse, name)

    there = _there(warehouse)
    aside = {name for name in there if name.endswith(_BEFORE)}
    with warehouse.transaction():
        for name in there:
            if aside and name not in aside:
                _drop(warehouse, name)  # half of what a rebuild made that was killed
            elif not aside:
                _rename(warehouse, name, name + _BEFORE)
    try:
        warehouse.prepare()
        yield let_go
    except BaseException:
        put_back(warehouse)
        raise
    with warehouse.transaction():
        for name in _there(warehouse):
            if name.endswith(_BEFORE):
                _drop(warehouse, name)


def check_is_made(warehouse: Warehouse) -> None:
    """See that no rebuild has left the warehouse half made.

    Raises:
        DripsError: one has.
    """
    if not warehouse.reads_files and warehouse.value(_STATEMENTS["is_rebuilding"]):
        raise DripsError("a rebuild of this warehouse has not ended: run `drips rebuild` again")


def put_back(warehouse: Warehouse) -> None:
    """Have the warehouse again that was put aside; nothing is done where it was let go of."""
    there = _there(warehouse)
    if [name for name in there if name.endswith(_BEFORE)] == [_LAST]:
        return
    with warehouse.transaction():
        for name in there:
            if not name.endswith(_BEFORE):
                _drop(warehouse, name)
        for name in there:
            if name.endswith(_BEFORE):
                _rename(warehouse, name, name.removesuffix(_BEFORE))


def _there(warehouse: Warehouse) -> list[str]:
    return [row["schema_name"] for row in warehouse.rows(_STATEMENTS["there"])]


def _drop(warehouse: Warehouse, name: str) -> None:
    warehouse.execute(_STATEMENTS["drop"].substitute(schema=quoted_name(name)))


def _rename(warehouse: Warehouse, name: str, new: str) -> None:
    warehouse.execute(_STATEMENTS["rename"].substitute(schema=quoted_name(name), name=quoted_name(new)))
