"""The sequence files, read again only when one of them has changed.

A tick reads them each time; in a long-lived process nearly always nothing has changed, and parsing YAML and templates
would cost more than deciding.
"""

from __future__ import annotations

from dagster_drips.project import Project
from dagster_drips.sequences.catalog import Catalog, read_catalog
from dagster_drips.sequences.content_files import content_files
from dagster_drips.sequences.segment_files import segment_names


class CatalogReader:
    """Reads a project's catalog, keeping it while names, sizes and times of its files stay the same."""

    def __init__(self, project: Project):
        self._project = project
        self._catalog: Catalog | None = None
        self._seen: tuple[object, ...] = ()

    def read(self) -> Catalog:
        """The catalog as the files are now."""
        seen = self._fingerprint()
        if self._catalog is None or seen != self._seen:
            self._catalog = read_catalog(self._project, segments=segment_names(self._project))
            self._seen = seen
        return self._catalog

    def _fingerprint(self) -> tuple[object, ...]:
        files = sorted(path for path in self._project.sequences.rglob("*") if path.is_file())
        stats = ((str(path), path.stat()) for path in files)
        return (
            tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats),
            tuple(segment_names(self._project)),
            tuple(content_files(self._project).items()),
        )
