"""Where things live in a project folder (the contract's table of paths).

Only names of places: nothing here writes or creates them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.dbt_layout import DbtLayout, layout_of
from dagster_drips.errors import DripsError

FIELDS = "fields.json"
"""The file of leads' columns among what is published."""
CURRENT_SET = "current"
"""The link to the set that was published last."""


@dataclass(frozen=True)
class Project:
    """A folder with `sequences/`, `dbt_project/` and `data/`."""

    root: Path

    @classmethod
    def at(cls, root: str | Path) -> Project:
        """The project in that folder.

        Raises:
            DripsError: the folder holds no project.
        """
        path = Path(root).expanduser().resolve()
        for name in ("sequences", "dbt_project"):
            if not (path / name).is_dir():
                raise DripsError(
                    f"no project here: there is no folder {name}/; use --project DIR or DRIPS_PROJECT", file=path
                )
        return cls(path)

    @property
    def sequences(self) -> Path:
        """Sequence files, `project.yml` and `senders.yml`."""
        return self.root / "sequences"

    @property
    def dbt(self) -> Path:
        """The dbt project."""
        return self.root / "dbt_project"

    @property
    def dbt_work(self) -> Path:
        """Where dbt runs and everything beside its models is written: the dbt project itself, or a mirror of it below
        `data/` where it is only linked to or can't be written."""
        is_ours = not self.dbt.is_symlink() and os.access(self.dbt, os.W_OK)
        return self.dbt if is_ours else self.data / "dbt"

    @property
    def dbt_target(self) -> Path:
        """What dbt parsed and compiled."""
        return self.dbt_work / "target"

    @property
    def layout(self) -> DbtLayout:
        """Which of the dbt project's own models are segments and content.

        Raises:
            DripsError: it names what can't be a folder or a tag.
        """
        return layout_of(self.dbt)

    @property
    def segments(self) -> Path:
        """Segment models, one SQL file each; where they have a tag and no folder, new ones begin here."""
        layout = self.layout
        return self.dbt / layout.model_paths[0] / "segments" if layout.tag else self.dbt / layout.segments

    @property
    def content(self) -> Path:
        """Content models, one SQL file each; no folder that is there where the dbt project names none."""
        return self.dbt / (self.layout.content or "content")

    @property
    def intake(self) -> Path:
        """Intake models, one SQL file a kind of landed rows; as `content` where the dbt project names none."""
        return self.dbt / (self.layout.intake or "intake")

    @property
    def data(self) -> Path:
        """Everything that runs leave behind."""
        return self.root / "data"

    @property
    def landing(self) -> Path:
        """Where others land files, one folder for each of `vocabulary.LANDING_KINDS`."""
        return self.data / "landing"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file of the default target."""
        return self.data / "warehouse.duckdb"

    @property
    def journal(self) -> Path:
        """The append-only journal."""
        return self.data / "journal"

    @property
    def published(self) -> Path:
        """What BI reads."""
        return self.data / "published"

    @property
    def published_set(self) -> Path:
        """The link to the set of files that was published last; whoever reads several of them resolves it once."""
        return self.published / CURRENT_SET

    @property
    def published_fields(self) -> Path:
        """The names of leads' columns, for those who can't open the warehouse."""
        return self.published_set / FIELDS

    @property
    def outbox(self) -> Path:
        """What the local mail sink caught."""
        return self.data / "outbox"
