"""The project's models on the bench: made by dbt once, then emptied and filled again at every tick.

What is emptied and filled keeps its columns, so that plans stay good; made anew it would make them void. Views among
the models that decide become tables too: what several models read is computed once a tick. Segments stay what they
are, and so do the models that are asked when mail is out, or by people. On so few rows a tick looks at all of them:
there is no watermark here.

Only running them belongs here; the SQL is as dbt compiled it. Hooks of models, if a project has any, are not run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dagster_drips.pipeline.compiled_runs import FOLDER, CompiledRuns
from dagster_drips.pipeline.dbt_package import PACKAGE_NAME
from dagster_drips.pipeline.dbt_runner import CONTENT, Transform
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.run_compiled import has_no_rows
from dagster_drips.sequence_tests.prepared import PlannedWarehouse
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.watermark import forget_watermark

_DECIDING = ("staging", "decide")
_ASKED_BY_PEOPLE = frozenset({"current_step_states", "matched_events", "occurrences", "overdue_steps"})
_ASKED_WHILE_SENDING = frozenset({"exited_steps", "refused_steps"})


@dataclass(frozen=True)
class Model:
    """A model as dbt compiled it: where its rows are (`"db"."schema"."name"`), the select that says which, and the
    relations without whose rows it has none."""

    unique_id: str
    relation: str
    select: str
    is_view: bool
    empty_without: tuple[str, ...] = ()

    @property
    def schema(self) -> str:
        """The folder of `models/` that it is from."""
        return self.relation.split('"."')[1]

    @property
    def name(self) -> str:
        """Its own name."""
        return self.relation.split('"."')[2].rstrip('"')

    @property
    def is_asked_by_models(self) -> bool:
        """Whether it is among those that decide."""
        return self.schema in _DECIDING and self.name not in _ASKED_BY_PEOPLE | _ASKED_WHILE_SENDING


class BenchTransform(Transform):
    """dbt for the first run, and from `settle` on the same models without it, in the bench's own transaction."""

    _models: list[Model] | None = None
    _warehouse: PlannedWarehouse | None = None
    _made: list[Model]
    _content_made: Sequence[Model] = ()
    _content_results: Sequence[NodeResult] = ()
    given_content: frozenset[str] = frozenset()
    """Content models that the test gives itself."""

    def run(
        self, command: str, select: Sequence[str], *, exclude: Sequence[str] = (), full_refresh: bool = False
    ) -> list[NodeResult]:
        """Run dbt, or from `settle` on fill all models that hold rows."""
        if self._models is not None and self._warehouse is not None:
            if command != "run":
                return []
            if tuple(select) == CONTENT:
                return self._content()
            forget_watermark(self._warehouse)
            return self._fill()
        results = super().run(command, select, exclude=exclude, full_refresh=full_refresh)
        if command == "run":
            made = (
                [
                    Model(node.unique_id, node.relation, node.sql, node.kind == "view", node.empty_without)
                    for node in self.kept
                ]
                if self.kept is not None
                else self._as_parsed(results)
            )
            if tuple(select) == CONTENT:
                self._content_made, self._content_results = made, results
            else:
                self._made = made
        return results

    def run_tables(
        self, select: Sequence[str], *, exclude: Sequence[str] = (), without: Sequence[str] = ()
    ) -> list[NodeResult]:
        """All of them: a test keeps nothing from tick to tick."""
        return self.run("run", select, exclude=exclude)

    def _compiled_runs(self) -> CompiledRuns:
        """What dbt compiled is the project's own models, so it is kept with them: the next test runs begin with it."""
        if self._runs is None:
            self._runs = CompiledRuns(self.project.dbt_target / FOLDER, self.fingerprint)
        return self._runs

    def begin_anew(self, warehouse: Warehouse) -> None:
        """Nothing is to be dropped once everything is emptied at each run."""
        if self._models is None:
            super().begin_anew(warehouse)

    def settle(self, warehouse: PlannedWarehouse) -> None:
        """From here on do what the last run did, on this connection."""
        self._warehouse = warehouse
        self._models = [model for model in self._made if not model.is_view or model.is_asked_by_models]
        for model in self._models:
            if model.is_view:
                warehouse.execute(f"drop view {model.relation}")
                warehouse.execute(f"create table {model.relation} as from ({model.select}) limit 0")

    def segments(self) -> dict[str, Model]:
        """The models of segments, by name."""
        names, package = set(segment_names(self.project)), f"model.{PACKAGE_NAME}."
        return {one.name: one for one in self._made if one.name in names and not one.unique_id.startswith(package)}

    def replace_segment(self, name: str, select: str) -> None:
        """Have another query than its model's say who is in a segment."""
        model = self.segments()[name]
        if self._warehouse is None or self._models is None:
            raise ValueError("nothing is settled yet")
        if model.is_view:
            self._warehouse.execute(f"create or replace view {model.relation} as ({select})")
        else:
            self._models = [
                replace(one, select=select) if one.unique_id == model.unique_id else one for one in self._models
            ]

    def _as_parsed(self, results: Sequence[NodeResult]) -> list[Model]:
        """The models of a run that has more to it than what `compiled_runs` keeps."""
        nodes = self.manifest().nodes
        return [
            Model(
                result.unique_id,
                str(nodes[result.unique_id].relation_name),
                self.compiled[result.unique_id],
                nodes[result.unique_id].config.materialized == "view",
            )
            for result in results
            if result.unique_id in self.compiled
        ]

    def _content(self) -> list[NodeResult]:
        """What became of content models when dbt made them; those that hold rows are filled again."""
        own = [one for one in self._content_made if not one.is_view and one.name not in self.given_content]
        filled = {one.unique_id: one for one in self._fill(own)}
        results = [filled.get(one.unique_id, one) for one in self._content_results]
        return [replace(one, status="success") if one.name in self.given_content else one for one in results]

    def _fill(self, models: Sequence[Model] | None = None) -> list[NodeResult]:
        """Fill them in their order.

        Raises:
            duckdb.Error: what the first that fails says. The transaction is lost with it, and so is this test.
        """
        assert self._warehouse is not None
        results: list[NodeResult] = []
        for model in (self._models or ()) if models is None else models:
            began = time.monotonic()
            self._warehouse.execute(f"delete from {model.relation}")
            if not has_no_rows(self._warehouse, model.empty_without):
                self._warehouse.execute(f"insert into {model.relation} by name (\n{model.select}\n)")
            results.append(NodeResult(model.unique_id, "success", "", time.monotonic() - began, None))
        return results
