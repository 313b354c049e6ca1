"""The tick's own time: its instant (T1), the tick before it, and what the world's clocks show then.

Only setting and reading it; whether a tick may begin at an instant is `tick`'s matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.time_zones import offset_spells, tzdata_version, utc_offsets
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("tick_clock.sql"))
_KNOWN_AHEAD = timedelta(days=400)
_YEARS_MADE = 3


@dataclass(frozen=True)
class TickStart:
    """What tells a tick from every other: its instant, and the wall clock when it began (a tick may be repeated)."""

    as_of: datetime
    begun_at: datetime


def set_clock(warehouse: Warehouse, instant: datetime) -> None:
    """Make an instant the tick's own, with the tick before it and what the world's wall clocks show then."""
    previous = warehouse.value(_STATEMENTS["previous_tick"], [instant])
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_tick"])
        warehouse.execute(_STATEMENTS["begin_tick"], [instant, previous, instant, utc_now()])
        _show_clocks(warehouse, utc_offsets(instant))
    _know_clock_changes(warehouse, instant)


def _show_clocks(warehouse: Warehouse, offsets: Mapping[str, int]) -> None:
    """What each zone's clock shows, written only where one differs: from tick to tick hardly ever one does."""
    shown = {row["timezone"]: row["utc_offset_seconds"] for row in warehouse.rows(_STATEMENTS["offsets"])}
    if shown == offsets:
        return
    warehouse.execute(_STATEMENTS["forget_offsets"])
    warehouse.append_rows(
        "raw.time_zones", [{"timezone": name, "utc_offset_seconds": seconds} for name, seconds in offsets.items()]
    )


def _know_clock_changes(warehouse: Warehouse, instant: datetime) -> None:
    """Have the clocks' changes of the years to come at hand: made anew once a year, and for another `tzdata`."""
    release = tzdata_version()
    known = warehouse.rows(_STATEMENTS["known_changes"], [release])[0]
    if known["since"] and known["since"] <= instant and known["made_until"] - instant >= _KNOWN_AHEAD:
        return
    # By whole years, so that replays and tests of one process make them once.
    start, end = datetime(instant.year, 1, 1), datetime(min(instant.year + _YEARS_MADE, datetime.max.year), 1, 1)
    spells = [asdict(spell) | {"tzdata": release, "made_until": end} for spell in offset_spells(start, end)]
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_changes"])
        warehouse.append_rows("raw.clock_changes", spells)


def set_clock_to_last(warehouse: Warehouse) -> None:
    """Make the last tick that decided something the one that has begun: for a warehouse that is made again."""
    set_clock(warehouse, warehouse.value(_STATEMENTS["last_decided"]))


def current_tick(warehouse: Warehouse) -> TickStart:
    """The tick that has begun last.

    Raises:
        DripsError: none has.
    """
    rows = warehouse.rows(_STATEMENTS["tick"])
    if not rows:
        raise DripsError("no tick has begun yet; run `drips run` once")
    return TickStart(rows[0]["as_of"], rows[0]["started_at"])


def own_time(warehouse: Warehouse) -> datetime:
    """The tick's own time now: its instant plus what has passed since it began.

    A tick at the wall clock's instant runs on the wall clock; one with `--as-of` runs beside it.
    """
    tick = current_tick(warehouse)
    return max(tick.as_of, tick.as_of + (utc_now() - tick.begun_at))


def note_sending(warehouse: Warehouse) -> None:
    """Have suppressions count up to now, by the tick's own time (L3)."""
    warehouse.execute(_STATEMENTS["sending_at"], [own_time(warehouse)])
