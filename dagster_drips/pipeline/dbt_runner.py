"""Running dbt: in this process, with one parse, one invocation a phase.

Start-up is what a tick costs, not SQL: a dbt subprocess takes seconds to import and parse, a kept manifest a tenth of
one. What belongs here: invoking dbt, telling what each node did. What does not: which rows come out, and what dbt is
told of the project's own models (`own_models`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.compiled_runs import (
    FOLDER,
    CompiledNode,
    CompiledRuns,
    compiled_models,
    compiled_nodes,
    folder_of_package,
)
from dagster_drips.pipeline.dbt_files import Fingerprint, existing_files_only, fingerprint_of
from dagster_drips.pipeline.dbt_mirror import prepared
from dagster_drips.pipeline.dbt_package import PACKAGE_NAME, check_names, check_names_told_of
from dagster_drips.pipeline.dbt_target import asked_of, check_profile, keeps_views, name_of, target_of, told
from dagster_drips.pipeline.descriptions import Description, descriptions_of
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.own_models import is_own_model
from dagster_drips.pipeline.run_compiled import run_compiled
from dagster_drips.pipeline.segment_refreshes import keep_results
from dagster_drips.project import Project
from dagster_drips.settings import load_settings
from dagster_drips.warehouse import Place, Warehouse, warehouse_of
from dagster_drips.warehouse.watermark import drop_kept_tables

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

DECIDE = (
    "fqn:drips.staging",
    "package:this,fqn:staging",
    "package:this,fqn:segments",
    "fqn:drips.kept",
    "fqn:drips.decide",
)
"""The product's models and, beside them, the project's own (`this`)."""
CONTENT = ("package:this,fqn:content",)
"""Content models (M9), which a tick runs by themselves: nothing that decides waits for them."""
AFTER_SENDING = ("fqn:drips.after_sending",)
"""Views all of them: they are made beside the others and asked when mail is out."""
STEP_STATES = ("fqn:drips.decide.steps.judged_steps", "fqn:drips.decide.steps.due_steps")
"""What says which steps are due: run once more where a template declines one (M10). What reads them are views."""
_VIEWS_OF_STEP_STATES = tuple(
    f"{one}+,fqn:drips.{folder}" for one in STEP_STATES for folder in ("decide", "after_sending")
)
SEEDS = "resource_type:seed"
MEASURE = ("fqn:drips.marts", "package:this,fqn:marts")
MARTS_SCHEMA = "marts"
CI_TAG = "ci"
"""Of data tests that a tick does without: each costs it its share."""

PARTIAL_PARSE = "partial_parse.msgpack"
"""In a target folder: what dbt keeps of a parse."""


class TransformFailed(DripsError):
    """dbt could not build something; `results` says what became of each node."""

    def __init__(self, message: str, results: Sequence[NodeResult] = (), *, file: str | None = None):
        self.results = list(results)
        super().__init__(message, file=file)


class Transform:
    """dbt on one project and one warehouse.

    Args:
        project: whose `dbt_project/` to run.
        warehouse: a DuckDB file; the project's own warehouse where None.
        target_path: where dbt keeps what it compiled; the project's own where None.
        target: of the profile; the one that `DRIPS_TARGET` names where None, or for a file of its own, where that is no
            file, the one that is.
    """

    def __init__(
        self,
        project: Project,
        *,
        warehouse: Path | None = None,
        target_path: Path | None = None,
        target: str | None = None,
    ):
        self.project = project
        own = target or load_settings(project).target
        self.warehouse: Place = warehouse or warehouse_of(project, own)
        self.target_path = target_path or project.dbt_target
        self.target = target_of(self.warehouse, own)
        self.compiled: dict[str, str] = {}
        """SQL of the models that the last `run` ran, as dbt compiled it, by unique id."""
        self.kept: list[CompiledNode] | None = None
        """The nodes of the last `run`, in their order; None where that was more than can be kept."""
        self._ran: list[Any] = []
        """dbt's own nodes of the last `run` that dbt did."""
        self.unreadable_content: dict[str, str] = {}
        """Content models that the last parse had to leave out, and dbt's words."""
        self.unreadable_intake: dict[str, str] = {}
        """Likewise intake models."""
        self._manifest: Manifest | None = None
        self._runs: CompiledRuns | None = None
        self._state: Fingerprint | None = None

    @property
    def manifest_json(self) -> Path:
        """Where `write_manifest` leaves what dagster-dbt reads."""
        return self.target_path / "manifest.json"

    def manifest_is_current(self) -> bool:
        """Whether that file is there, whole, and made of the files of the dbt project and its packages as they are."""
        prepared(self.project)
        made_of = self._made_of
        return made_of.exists() and made_of.read_text() == self._state_of_manifest() and _is_json(self.manifest_json)

    @property
    def _made_of(self) -> Path:
        """Beside the manifest: what it was made of. Times don't tell: an installer gives files those it likes."""
        return self.manifest_json.with_suffix(".made_of")

    def _state_of_manifest(self) -> str:
        # With its own time, as plain dbt writes that file, too.
        made = self.manifest_json.stat().st_mtime_ns if self.manifest_json.exists() else 0
        return f"{self.fingerprint} {made}"

    @property
    def fingerprint(self) -> str:
        """Changes whenever a file of the dbt project or of a package does: views are made anew then."""
        return self._known_state().whole

    @property
    def fingerprint_of_rules(self) -> str:
        """Changes with every other file than those of segments, content and intake: kept tables are made anew then."""
        return self._known_state().of_rules

    def _known_state(self) -> Fingerprint:
        if self._state is None:
            self._state = self._state_now()
        return self._state

    def _state_now(self) -> Fingerprint:
        # First, or the package of the version before is what is read.
        folder = prepared(self.project)
        settings = [self.target, name_of(self.warehouse), *asked_of(self.warehouse)]
        return fingerprint_of(folder, settings, is_own_model(self.project))

    @property
    def is_known(self) -> bool:
        """Whether dbt has read the project before, as its files are now, and ran it: it needs no parse then."""
        return self._compiled_runs().is_known

    def manifest(self) -> Manifest:
        """The parsed project; parsed once, and again after `forget`.

        Raises:
            TransformFailed: a model, macro or YAML file of the dbt project is broken.
            DripsError: a model or seed has the name of one of the product's, or the package can't be had.
        """
        if self._manifest is None:
            prepared(self.project)
            result = self._invoke(["parse", *self._parsed_elsewhere()], None)
            if not result.success:
                check_names_told_of(self.project.dbt, _reason(result))
                raise TransformFailed(f"dbt can't read the project: {_reason(result)}", file=str(self.project.dbt))
            check_names(result.result, self.project.layout)
            check_profile(self.warehouse, self.target)
            self._manifest = result.result
            keep_results(result.result, self.project.layout)
            for node in result.result.nodes.values():
                if node.resource_type == "seed":
                    # Or it is read where it was parsed first.
                    node.root_path = str(self.project.dbt_work / folder_of_package(result.result, node.package_name))
        return self._manifest

    def write_manifest(self) -> None:
        """Write what was parsed for whoever reads it without dbt. No tick does, and it takes as long as a parse."""
        from dbt.parser.manifest import write_manifest

        write_manifest(self.manifest(), str(self.target_path))
        self._made_of.write_text(self._state_of_manifest())

    def _parsed_elsewhere(self) -> list[str]:
        """What a throw-away run begins with: the project's own last parse, so that only what changed is read anew."""
        if (self.target_path / PARTIAL_PARSE).exists():
            return []
        known = [last for place in self._targets() if (last := place / PARTIAL_PARSE).exists()]
        return ["--partial-parse-file-path", str(known[0])] if known else []

    def _targets(self) -> list[Path]:
        """The project's own: where it is, and what was deployed with a dbt project that can't be written."""
        return [self.project.dbt_target, self.project.dbt / "target"]

    def look_again(self) -> None:
        """In a process that lives on: `forget` where a file of the dbt project or of a package has changed since."""
        if self._state is not None and self._state != self._state_now():
            self.forget()

    def forget(self) -> None:
        """Look at the project's files anew at the next use."""
        self._manifest = None
        self._runs = None
        self._state = None

    def _compiled_runs(self) -> CompiledRuns:
        if self._runs is None:
            # A throw-away run keeps its own beside its other files, and begins with the project's.
            elsewhere = [place / FOLDER for place in self._targets()]
            self._runs = CompiledRuns(self.target_path / FOLDER, self.fingerprint, elsewhere)
        return self._runs

    def run(
        self, command: str, select: Sequence[str], *, exclude: Sequence[str] = (), full_refresh: bool = False
    ) -> list[NodeResult]:
        """Run one dbt command (`run`, `seed`, `test`, `build`) on a selection; results of all nodes, failed ones too.

        Raises:
            TransformFailed: dbt could not start at all.
        """
        selected = self.project.layout.selection(select)
        if not selected:
            self.compiled, self.kept = {}, []
            return []
        arguments = _arguments(command, selected, exclude)
        if command == "test":
            arguments += ["--exclude-resource-type", "unit_test"]
        if full_refresh:
            arguments += ["--full-refresh"]
        prepared(self.project)
        runs = self._compiled_runs()
        known = runs.find(arguments)
        if known is not None:
            return self._run_compiled(known)
        result = self._invoke(arguments, self.manifest())
        if result.result is None:
            raise TransformFailed(f"dbt {command} could not start: {_reason(result)}")
        self._ran = [one.node for one in result.result.results]
        self.kept = compiled_nodes(self.manifest(), result.result.results, self.warehouse)
        if self.kept is not None:
            runs.keep(arguments, self.kept, descriptions_of(self.manifest(), MARTS_SCHEMA))
        self.compiled = {
            node.node.unique_id: code
            for node in result.result.results
            if (code := getattr(node.node, "compiled_code", None))
        }
        return [
            NodeResult(
                unique_id=node.node.unique_id,
                status=str(getattr(node.status, "value", node.status)),
                message=str(node.message or ""),
                seconds=node.execution_time,
                failures=node.failures,
            )
            for node in result.result.results
        ]

    def run_tables(
        self, select: Sequence[str], *, exclude: Sequence[str] = (), without: Sequence[str] = ()
    ) -> list[NodeResult]:
        """Run what holds rows of a selection that was run before, views and all.

        Args:
            select: as then.
            exclude: as then.
            without: segments that stay as they are.
        """
        layout = self.project.layout
        known = self._compiled_runs().find(_arguments("run", layout.selection(select), exclude))
        if known is not None:
            tables = [node for node in known if node.kind != "view" and node.name not in without]
            views = [node for node in known if node.kind == "view" and _selects_events(node)]
            # A server's tables are found by indexes, and its views are not changed beside who reads them.
            now = views if keeps_views(self.warehouse) else []
            return self._run_compiled(tables, are_made=True, views_of_now=now)
        left = [*self._views, *(f"package:this,{layout.segment_named(name)}" for name in without)]
        return self.run("run", select, exclude=[*exclude, *left])

    @property
    def _views(self) -> list[str]:
        """What selects views that stand where the tables that they read are made anew."""
        return ["config.materialized:view"] if keeps_views(self.warehouse) else []

    def run_step_states(self) -> list[NodeResult]:
        """Run once more what says which steps are due.

        Raises:
            TransformFailed: dbt could not start at all.
        """
        return self.run("run", STEP_STATES if self._views else _VIEWS_OF_STEP_STATES)

    def _run_compiled(
        self, nodes: list[CompiledNode], *, are_made: bool = False, views_of_now: Sequence[CompiledNode] = ()
    ) -> list[NodeResult]:
        self.compiled, self.kept = {node.unique_id: node.sql for node in nodes if node.sql}, nodes
        work = self.project.dbt_work
        return run_compiled(nodes, self.warehouse, work, are_made=are_made, views_of_now=views_of_now)

    def failing(self) -> list[CompiledNode]:
        """Models without a result when this state of the project was run last; empty where one is left to dbt."""
        return self._compiled_runs().failing()

    def keep_failing(self, names: Collection[str]) -> None:
        """Keep which of the project's own models of the last `run` have no result, so that they can be tried first."""
        if self.kept is not None:
            failing = [node for node in self.kept if node.name in names]
        else:
            failing = compiled_models(self.manifest(), [node for node in self._ran if node.name in names])
        is_whole = {node.name for node in failing} == {*names}
        self._compiled_runs().keep_failing(failing if is_whole else [])

    def begin_anew(self, warehouse: Warehouse) -> None:
        """Have the next run make the tables anew that ticks only bring up to date otherwise (folder `kept`)."""
        drop_kept_tables(warehouse)
        if asked_of(self.warehouse):
            self.look_again()

    def descriptions(self) -> dict[str, Description]:
        """What the marts and their columns are, by name."""
        runs = self._compiled_runs()
        return runs.descriptions() if runs.is_known else descriptions_of(self.manifest(), MARTS_SCHEMA)

    def _invoke(self, arguments: list[str], manifest: Manifest | None) -> Any:
        # Imported late: it takes a second, and most commands never need it.
        from dbt.cli.main import dbtRunner

        # Quiet, without log file and artifacts: each of them costs more than the SQL of an idle tick.
        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
        work = str(self.project.dbt_work)
        places = ["--project-dir", work, "--profiles-dir", work]
        places += ["--target-path", str(self.target_path), "--target", self.target]
        places.append("--no-write-json")
        here = Path.cwd()
        try:
            with existing_files_only(), told(self.warehouse, is_parse=arguments[0] == "parse"):
                return dbtRunner(manifest=manifest).invoke([*flags, *arguments, *places])
        finally:
            os.chdir(here)  # dbt moves into its project


def _selects_events(node: CompiledNode) -> bool:
    """Whether a view is one by which people's own SQL reads events, or that SQL itself."""
    return node.relation.split('"."')[1] == "staging" or node.unique_id.split(".")[1] != PACKAGE_NAME


def _arguments(command: str, select: Sequence[str], exclude: Sequence[str]) -> list[str]:
    return [command, "--select", *select, *(["--exclude", *exclude] if exclude else [])]


def _is_json(path: Path) -> bool:
    """Whether all of it is there: a disk that was full leaves the beginning."""
    try:
        msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError:
        return False
    return True


def _reason(result: Any) -> str:
    return str(result.exception) if result.exception else "see dbt's own output"
