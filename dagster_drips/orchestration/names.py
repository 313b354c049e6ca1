"""What the definitions are called: keys, groups, owners, resources, pools, jobs; and the specs that have them.

A code location of ours alone has the names of `OURS`. One that others have definitions in, too, may give any of them
another name (`Names`), so that nothing collides. What belongs here is naming; what a thing does is its own module's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from dagster_drips.errors import DripsError

OWNERS = ["team:lifecycle-data"]

LANDING, SEQUENCES, SEGMENTS, DECIDE, SEND, MEASURE = "landing", "sequences", "segments", "decide", "send", "measure"
GROUPS = (LANDING, SEQUENCES, SEGMENTS, DECIDE, SEND, MEASURE)

PROJECT_TAG = "drips/project"
"""Of a run: the project folder; by it the launcher knows runs of ours."""

QUIET_TAG = "drips/quiet"
"""Of a run whose tick decided nothing and found nothing wrong; its records are the first to go."""

PROBLEMS = "problems"
"""Metadata of a check: a list of lines, each with the file to fix."""


@dataclass(frozen=True)
class Names:
    """What the definitions of one project are called.

    Args:
        key_prefix: in front of the key of every asset.
        groups: other names of groups, by ours.
        name_prefix: in front of the name of every job, schedule, sensor and op.
        resource: the key of the project's resource.
        pool: of all steps that open the warehouse: limit it to 1 in dagster.yaml and the UI shows waiting runs; the
            project's lock holds anyway.
        is_running: whether schedules and sensors are on from the beginning.

    Raises:
        DripsError: there is no such group.
    """

    key_prefix: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    name_prefix: str = ""
    resource: str = "drips"
    pool: str = "warehouse"
    is_running: bool = True

    def __post_init__(self) -> None:
        for group in self.groups:
            if group not in GROUPS:
                raise DripsError(f"groups: there is no group '{group}'; there are {', '.join(GROUPS)}")

    def key(self, *path: str) -> dg.AssetKey:
        """The key of a table: `raw`, `leads`."""
        return dg.AssetKey([*self.key_prefix, *path])

    def keys(self, schema: str, *tables: str) -> list[dg.AssetKey]:
        """The keys of tables of a schema."""
        return [self.key(schema, table) for table in tables]

    def group(self, name: str) -> str:
        """A group, by our name."""
        return self.groups.get(name, name)

    def name(self, name: str) -> str:
        """A job, schedule, sensor or op, by our name."""
        return f"{self.name_prefix}{name}"

    def resource_of(self, context: Any) -> Any:
        """The project's resource of a step that requires it (`needs`)."""
        return getattr(context.resources, self.resource)

    @property
    def needs(self) -> set[str]:
        """The resources that a step requires."""
        return {self.resource}

    @property
    def schedule_status(self) -> dg.DefaultScheduleStatus:
        """Of schedules, until somebody turns them on or off."""
        return dg.DefaultScheduleStatus.RUNNING if self.is_running else dg.DefaultScheduleStatus.STOPPED

    @property
    def sensor_status(self) -> dg.DefaultSensorStatus:
        """Of sensors, until somebody turns them on or off."""
        return dg.DefaultSensorStatus.RUNNING if self.is_running else dg.DefaultSensorStatus.STOPPED

    @property
    def due_steps(self) -> dg.AssetKey:
        """What a tick decided to send."""
        return self.key("decide", "due_steps")

    @property
    def delivery_log(self) -> dg.AssetKey:
        """What was sent."""
        return self.key("raw", "delivery_log")

    @property
    def tick(self) -> dg.AssetKey:
        """The instant of a tick that has begun."""
        return self.key("raw", "tick")

    @property
    def finished_tick(self) -> dg.AssetKey:
        """Ticks that are finished."""
        return self.key("journal", "ticks")

    @property
    def published(self) -> dg.AssetKey:
        """What BI reads."""
        return self.key("published", "marts")

    def spec(self, schema: str, table: str, group: str, description: str, **attributes: Any) -> dg.AssetSpec:
        """A table; its kinds are those given and DuckDB."""
        kinds = {"duckdb", *attributes.pop("kinds", ())}
        return dg.AssetSpec(
            self.key(schema, table),
            group_name=self.group(group),
            description=description,
            owners=OWNERS,
            kinds=kinds,
            **attributes,
        )

    def raw_spec(
        self, table: str, group: str, description: str, deps: Sequence[dg.AssetKey], kinds: set[str]
    ) -> dg.AssetSpec:
        """A table of the schema `raw`."""
        return self.spec("raw", table, group, description, deps=deps, kinds=kinds)

    def journal_specs(self, tables: Mapping[str, str], deps: Sequence[dg.AssetKey], group: str) -> list[dg.AssetSpec]:
        """Tables of the schema `journal`, by name: what each holds."""
        return [
            self.spec("journal", table, group, text, deps=deps, kinds={"parquet"}) for table, text in tables.items()
        ]


OURS = Names()
"""What they are called where nobody says otherwise."""

DUE_STEPS, DELIVERY_LOG = OURS.due_steps, OURS.delivery_log
TICK, FINISHED_TICK, PUBLISHED = OURS.tick, OURS.finished_tick, OURS.published
