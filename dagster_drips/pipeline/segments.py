"""Running the decide models, with broken segments set aside.

A segment whose SQL fails has no result at this tick: the sequences that name it pause (E5), the others go on. dbt alone
would skip everything behind it. So a failure is traced to its segments, they leave the generated list, and the models
run again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from dagster_drips.pipeline.dbt_files import source_files
from dagster_drips.pipeline.dbt_mirror import prepared
from dagster_drips.pipeline.dbt_package import product_names, taken_name
from dagster_drips.pipeline.dbt_runner import (
    AFTER_SENDING,
    DECIDE,
    SEEDS,
    Transform,
    TransformFailed,
)
from dagster_drips.pipeline.failure_words import failure_words
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.own_models import hide_models, models_are_hidden, write_segment_list
from dagster_drips.pipeline.run_compiled import run_compiled
from dagster_drips.pipeline.segment_refreshes import kept_results, misread_refreshes
from dagster_drips.project import Project
from dagster_drips.sequences.content_files import content_paths, unnameable_content
from dagster_drips.sequences.intake_files import intake_paths
from dagster_drips.sequences.segment_files import (
    keep_tagged_files,
    segment_names,
    segment_path,
    tagged_files,
    unnameable_segments,
)
from dagster_drips.warehouse import Warehouse, engine_error
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements
from dagster_drips.warehouse.watermark import begin_reading

_STATEMENTS = named_statements(Path(__file__).with_name("segments.sql"))
_OVER_ALL = ("selected_members", "new_segment_changes")
"""The models that read all segments: the view, and the table that first asks it."""


@dataclass(frozen=True)
class SegmentFailure:
    """A segment without a result at this tick, and why: the database's or dbt's own words, in one line.

    `is_missing`: there is no such file, and a sequence names it.
    """

    segment: str
    reason: str
    is_missing: bool = False
    path: str = ""
    """Of its file, below the dbt project."""

    @property
    def file(self) -> str:
        """The file to fix, relative to the project folder."""
        return f"dbt_project/{self.path or f'models/segments/{self.segment}.sql'}"

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


def run_decisions(
    project: Project, transform: Transform, warehouse: Warehouse
) -> tuple[list[NodeResult], list[SegmentFailure]]:
    """Run everything up to the due steps; results of the nodes, and the segments that had to be set aside.

    Args:
        project: whose segments to offer to dbt.
        transform: dbt on its models.
        warehouse: the same that dbt writes.

    Raises:
        TransformFailed: a model failed that is not a segment.
    """
    broken = {} if is_read(project, transform) else parse_readable(project, transform)
    while True:
        names = [name for name in segment_names(project) if name not in broken]
        if write_segment_list(project, names):
            transform.forget()
        if still := _still_broken(project, transform, warehouse):
            broken |= still
            continue
        results = _run(transform, warehouse, left_out(project, broken))
        failed = [result for result in results if result.failed]
        if not failed:
            _remember(transform, warehouse)
            transform.keep_failing(())
            return results, list(broken.values())
        found = _broken_segments(transform, names, failed, warehouse)
        if not found:
            raise TransformFailed(f"dbt model {failed[0].name} failed: {failed[0].message}", results)
        transform.keep_failing({failure.segment for failure in found})
        broken |= {failure.segment: failure for failure in found}


def _still_broken(project: Project, transform: Transform, warehouse: Warehouse) -> dict[str, SegmentFailure]:
    """Segments that had no result when the files were as they are now, and have none at this tick either.

    They are tried by themselves: with them dbt would run all models, only to find that they have to be set aside.
    """
    failing = transform.failing()
    # Where nothing has been made yet, they lack what they read.
    if not failing or warehouse.value(_STATEMENTS["prepared"]) is None:
        return {}
    not_asked = kept_results(warehouse)
    still = {}
    for node in failing:
        if node.name in not_asked:
            continue
        [result] = run_compiled([node], transform.warehouse, project.dbt_work)
        words = result.message if result.failed else _unreadable_rows(warehouse, node.relation)
        if words:
            still[node.name] = _failure(project, node.name, words)
    return still


def is_read(project: Project, transform: Transform) -> bool:
    """Whether dbt has read these files before, all segments among them, so that it needn't now."""
    if _misnamed(project) or _misnamed_content(project) or models_are_hidden(project):
        return False
    if project.layout.tag and tagged_files(project) is None:
        return False
    if write_segment_list(project, segment_names(project)):
        transform.forget()
    return transform.is_known


def left_out(project: Project, broken: Collection[str]) -> list[str]:
    """What selects the segments that are set aside and that dbt sees; names of others may mean something else to it."""
    return [project.layout.segment_named(name) for name in segment_names(project) if name in broken]


def segments_without_file(project: Project, warehouse: Warehouse) -> list[SegmentFailure]:
    """Segments that a sequence had to do without at this tick because no file has their name."""
    named = warehouse.rows(_STATEMENTS["without_result"])
    known = set(segment_names(project))
    missing = [row["segment"] for row in named if row["segment"] not in known]
    reason = "there is no such file, and a sequence names this segment"
    return [SegmentFailure(name, reason, is_missing=True, path=segment_path(project, name)) for name in missing]


def paused_sequences(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Sequences that a segment without a result pauses at this tick: `sequence_id`, `segment_without_result`."""
    return warehouse.rows(_STATEMENTS["paused_sequences"])


def recorded_failures(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Why segments had no result at the last tick: `file`, `reason`."""
    return warehouse.rows(_STATEMENTS["failures"])


def record_failures(warehouse: Warehouse, failures: list[SegmentFailure]) -> None:
    """Keep, for who asks after the tick, why segments have no result."""
    rows = [asdict(one) | {"file": one.file} for one in failures]
    for row in rows:
        del row["path"]
    if not rows and not warehouse.value(_STATEMENTS["number_of_failures"]):
        return
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_failures"])
        warehouse.append_rows("raw.segment_failures", rows)


def prepared_files(warehouse: Warehouse) -> dict[str, str]:
    """The dbt project that the last tick decided by: path below `dbt_project/` → text; empty where none was kept."""
    return {row["path"]: row["content"] for row in warehouse.rows(_STATEMENTS["prepared_files"])}


def parse_readable(project: Project, transform: Transform) -> dict[str, SegmentFailure]:
    """Parse the dbt project, without the segments that dbt can't read; returns those.

    dbt reads a project whole or not at all, so an unreadable segment is hidden from it by `.dbtignore`, and so are
    unreadable content and intake models, which `transform.unreadable_content` and `unreadable_intake` then have.

    Raises:
        TransformFailed: something else in the project can't be read.
    """
    prepared(project)
    broken = _misnamed(project)
    content = transform.unreadable_content = _misnamed_content(project)
    intake: dict[str, str] = {}
    transform.unreadable_intake = intake
    if _hide(project, broken, content, intake):
        transform.forget()
    while True:
        names = [name for name in segment_names(project) if name not in broken]
        if write_segment_list(project, names):
            transform.forget()
        try:
            if _are_known(project, transform, broken):
                misread = misread_refreshes(transform.manifest(), names, project.layout)
                if not misread:
                    return broken
                paths = {name: segment_path(project, name) for name in misread}
                broken |= {name: SegmentFailure(name, words, path=paths[name]) for name, words in misread.items()}
            else:
                transform.forget()
        except TransformFailed as error:
            words = failure_words(error.message)
            # Intake, then content, first: where two files have one name, dbt names both.
            landed = [path.stem for path in intake_paths(project) if _in_its_folder(path) in error.message]
            shown = [path.stem for path in content_paths(project) if _in_its_folder(path) in error.message]
            shown = [] if landed else shown
            paths = {name: PurePosixPath(segment_path(project, name)) for name in names}
            others = landed or shown
            unreadable = [] if others else [name for name in names if _in_its_folder(paths[name]) in error.message]
            if not {*landed} - {*intake} and not {*shown} - {*content} and not unreadable:
                raise
            intake |= dict.fromkeys(landed, words)
            content |= dict.fromkeys(shown, words)
            broken |= {name: SegmentFailure(name, words, path=paths[name].as_posix()) for name in unreadable}
            if _hide(project, broken, content, intake):
                transform.forget()


def _are_known(project: Project, transform: Transform, broken: Collection[str]) -> bool:
    """Parse; whether the segments that dbt was told of are those that have the tag, where it is a tag."""
    manifest = transform.manifest()
    tag = project.layout.tag
    if tag is None:
        return True
    found = [
        node.original_file_path
        for node in manifest.nodes.values()
        if node.resource_type == "model" and node.package_name == manifest.metadata.project_name and tag in node.tags
    ]
    # What is hidden from dbt is not among them, and stays what it was.
    hidden = [segment_path(project, name) for name in broken]
    return not keep_tagged_files(project, {*found, *hidden})


def _hide(project: Project, segments: Collection[str], content: Collection[str], intake: Collection[str]) -> bool:
    paths = [segment_path(project, name) for name in sorted(segments)]
    paths += [f"{project.layout.content}/{name}.sql" for name in sorted(content)]
    return hide_models(project, [*paths, *(f"{project.layout.intake}/{name}.sql" for name in sorted(intake))])


def _in_its_folder(path: Path | PurePosixPath) -> str:
    return f"{path.parent.name}/{path.name}"


def current_manifest_json(project: Project, transform: Transform) -> Path:
    """The manifest on disk, made anew where it is older than the project's files."""
    if not transform.manifest_is_current():
        parse_readable(project, transform)
        transform.write_manifest()
    return transform.manifest_json


def _misnamed(project: Project) -> dict[str, SegmentFailure]:
    reasons = dict.fromkeys(
        unnameable_segments(project), "a segment's file is named with letters, digits, _ and - only"
    )
    reasons |= _taken(segment_names(project))
    return {name: SegmentFailure(name, reason, path=segment_path(project, name)) for name, reason in reasons.items()}


def _misnamed_content(project: Project) -> dict[str, str]:
    return unnameable_content(project) | _taken([path.stem for path in content_paths(project)])


def _taken(names: Collection[str]) -> dict[str, str]:
    product = product_names()
    return {name: taken_name(kind, name) for name in names if (kind := product.get(name.lower()))}


def _run(transform: Transform, warehouse: Warehouse, exclude: list[str]) -> list[NodeResult]:
    # Views hold no data: they are made anew only when a file of the dbt project has changed since they were, or the
    # columns behind them. The kept tables, which a tick brings up to date from the watermark on, outlive an edit of a
    # segment: what they know of its members is in the journal.
    models = (*DECIDE, *AFTER_SENDING)
    is_current = begin_reading(warehouse, transform.fingerprint_of_rules)
    warehouse.analyze_changed()
    if is_current and warehouse.value(_STATEMENTS["prepared"]) == transform.fingerprint:
        return transform.run_tables(models, exclude=exclude, without=kept_results(warehouse))
    if not is_current:
        transform.begin_anew(warehouse)
    return [*transform.run("seed", [SEEDS], full_refresh=True), *transform.run("run", models, exclude=exclude)]


def _remember(transform: Transform, warehouse: Warehouse) -> None:
    is_same = warehouse.value(_STATEMENTS["prepared"]) == transform.fingerprint
    if is_same and warehouse.value(_STATEMENTS["number_of_prepared_files"]):
        return
    files = [{"path": path, "content": text} for path, text in source_files(transform.project.dbt_work).items()]
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_prepared"])
        warehouse.execute(_STATEMENTS["note_prepared"], [transform.fingerprint])
        warehouse.execute(_STATEMENTS["forget_prepared_files"])
        warehouse.append_rows("raw.prepared_files", files)


def _broken_segments(
    transform: Transform, names: list[str], failed: list[NodeResult], warehouse: Warehouse
) -> list[SegmentFailure]:
    project, segments = transform.project, set(names)
    found = [_failure(project, result.name, result.message) for result in failed if result.name in segments]
    if found or not any(result.name in _OVER_ALL for result in failed):
        return found
    # The view could be made, its rows can't be read: ask each one.
    unreadable = {name: _unreadable_rows(warehouse, _relation(transform, name)) for name in names}
    return [_failure(project, name, words) for name, words in unreadable.items() if words]


def _failure(project: Project, name: str, words: str) -> SegmentFailure:
    return SegmentFailure(name, failure_words(words), path=segment_path(project, name))


def _unreadable_rows(warehouse: Warehouse, relation: str) -> str:
    """Why the members that a relation says can't be read; empty where they can."""
    try:
        warehouse.value(f"select count(cast(lead_id as varchar)) from {relation}")
    except engine_error() as error:
        return str(error)
    return ""


def _relation(transform: Transform, segment: str) -> str:
    """Where a segment's rows are; in a dbt project that was there before, its own macros say in which schema."""
    if transform.project.layout.is_ours:
        return f"segments.{quoted_name(segment)}"
    manifest = transform.manifest()
    return str(manifest.nodes[f"model.{manifest.metadata.project_name}.{segment}"].relation_name)
