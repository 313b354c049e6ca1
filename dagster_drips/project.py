"""Where things live in a project folder (the contract's table of paths).

Only names of places: nothing here reads, writes or creates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    def segments(self) -> Path:
        """Segment models, one SQL file each."""
        return self.dbt / "models" / "segments"

    @property
    def content(self) -> Path:
        """Content models, one SQL file each."""
        return self.dbt / "models" / "content"

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
