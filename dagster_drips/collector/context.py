"""What request handlers share: the project, its keys, the writer of rows, the metrics.

No routes here; nothing here opens the warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster_drips.clock import format_time
from dagster_drips.collector.memory import MemoryBudget
from dagster_drips.collector.metrics import Metrics
from dagster_drips.landing.writer.writer import LandingWriter, Row
from dagster_drips.links.tokens import Tokens
from dagster_drips.project import Project
from dagster_drips.settings import Settings


def exact_now() -> datetime:
    """The wall clock as naive UTC, with its fractions: `clock.utc_now` is a tick's, in whole seconds."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class CollectorContext:
    """One a process; every module with routes is given it."""

    project: Project
    settings: Settings
    tokens: Tokens | None
    """None: there are no keys, so no link of ours can be read."""
    writer: LandingWriter
    metrics: Metrics
    memory: MemoryBudget
    """For what a request takes beyond its body as it came."""
    now: Callable[[], datetime] = exact_now
    """Naive UTC."""

    @classmethod
    def of(cls, project: Project, settings: Settings, *, now: Callable[[], datetime] = exact_now) -> CollectorContext:
        """One for a project, with a writer and metrics of its own."""
        keys = [key.get_secret_value() for key in settings.secret_keys]
        tokens, metrics = Tokens(keys) if keys else None, Metrics()
        return cls(project, settings, tokens, LandingWriter(project), metrics, MemoryBudget(metrics), now)

    @property
    def time(self) -> str:
        """Now, as rows have it."""
        return format_time(self.now())

    async def land(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Keep rows (kind → rows) and count them.

        Raises:
            LandingUnavailable: not kept for sure; the collector answers 503 if it is not caught.
        """
        await self.writer.land(rows)
        for kind, of_kind in rows.items():
            self.metrics.landed_rows[kind].inc(len(of_kind))
