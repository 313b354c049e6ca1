"""What the assets share: the project and its pipeline, held by one run at a time."""

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from dagster_drips.pipeline.run_lock import WAIT_SECONDS, exclusive_run
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.settings import Settings, load_settings
from dagster_drips.warehouse import Warehouse, open_warehouse


class DripsResource(dg.ConfigurableResource):
    """Hands out the plain objects of a project.

    A run holds the project's lock from its first step to its last, so that runs follow one another: DuckDB has one
    writer, and no tick may begin in the middle of another. The warehouse is opened by the first step that asks, and
    stays open for the next ones: opening, preparing and folding in its log fifteen times is a fifth of an idle tick.
    """

    project_root: str
    _opened: ExitStack = PrivateAttr(default_factory=ExitStack)
    _warehouse: Warehouse | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["DripsResource"]:
        """Wait for the runs before this one."""
        with exclusive_run(
            self.project,
            wait_seconds=WAIT_SECONDS,
            on_wait=_say_waiting,
        ):
            try:
                yield self
            finally:
                self._close()

    @property
    def project(self) -> Project:
        """The project folder."""
        return Project.at(self.project_root)

    @property
    def pipeline(self) -> Pipeline:
        """Its phases; kept while the process lives, for the parsed dbt project in it."""
        return pipeline_of(self.project_root)

    @property
    def settings(self) -> Settings:
        """From the environment and `.env`."""
        return load_settings(self.project)

    @contextmanager
    def warehouse(self) -> Generator[Warehouse]:
        """The project's warehouse, for the length of a step; after one that failed the next opens it anew.

        Raises:
            DripsError: it can't be read, or whatever else the engine says that nobody caught before.
        """
        if self._warehouse is None:
            Path(self.project.data).mkdir(exist_ok=True)
            self._warehouse = self._opened.enter_context(open_warehouse(self.pipeline.transform.warehouse))
        try:
            yield self._warehouse
        except BaseException:
            # Told what went wrong, it says that in words.
            opened, self._opened, self._warehouse = self._opened, ExitStack(), None
            opened.__exit__(*sys.exc_info())
            raise

    def _close(self) -> None:
        self._warehouse = None
        self._opened.close()


def _say_waiting() -> None:
    # stderr, not Dagster's log: `drips run` shows the one and not the other, a run's own output in the UI has both
    print("waiting for another run of this project to end", file=sys.stderr, flush=True)


@cache
def pipeline_of(root: str) -> Pipeline:
    """The pipeline of the project in that folder, one in a process."""
    return Pipeline.of(Project.at(root))
