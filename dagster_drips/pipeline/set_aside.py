"""Going back in time: what stays of ticks that are set aside, as one more commit of the last tick that is kept.

Nothing that was sent can be taken back. So the enrollments and versions behind the mail of those ticks stand, and the
mail itself is dated by the last tick that is kept (`set_aside.sql`); whatever else they decided is decided anew. Here
belongs what that commit holds; reading it and putting the folders aside is the tick journal's, the order of things
`rebuild`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dagster_drips.pipeline.tick_journal import (
    HANDED_OVER,
    SET_ASIDE_COMMITS,
    SET_ASIDE_DELIVERIES,
    TickJournal,
    file_name,
    instant_of,
)
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("set_aside.sql"))


def sent_later(warehouse: Warehouse, journal: TickJournal) -> int:
    """How many messages later ticks than those of `journal` have sent, or tried to."""
    return warehouse.value(_STATEMENTS["count"], [instant_of(journal.commits()[-1])])


def draft_what_stays(warehouse: Warehouse, journal: TickJournal) -> Path:
    """Write what is to stay as a draft of a commit; the warehouse has all deliveries and the commits that are kept.

    Args:
        warehouse: open for writing; nothing of its own is changed.
        journal: with `until`.
    """
    later, kept_as_of = journal.later(), instant_of(journal.commits()[-1])
    files = {table: _files(later, table) for table in ("enrollment_decisions", "sequence_versions", "message_content")}
    commits = [f"{commit.parent.name}/{commit.name}" for commit in later]
    warehouse.execute(_STATEMENTS["set_variable"], [kept_as_of, *files.values(), commits])
    tables = [HANDED_OVER, SET_ASIDE_DELIVERIES, SET_ASIDE_COMMITS, "ticks"]
    tables += [table for table, found in files.items() if found]
    warehouse.execute(_STATEMENTS["open"])
    draft = journal.draft(
        warehouse, as_of=kept_as_of, phase="decided", selects={table: _STATEMENTS[table] for table in tables}
    )
    warehouse.execute(_STATEMENTS["close"])
    return draft


def _files(commits: Sequence[Path], table: str) -> list[str]:
    return [str(file) for commit in commits if (file := commit / file_name(table)).exists()]
