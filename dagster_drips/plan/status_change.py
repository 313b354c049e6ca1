"""A sequence's status changed: checked and planned on a copy of the project's files, then written.

What belongs here is the order of that. The edit of the text is `sequences.status_line`'s, the plan `plan`'s, words and
questions are the command's.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.pipeline.dbt_files import MADE
from dagster_drips.pipeline.live_models import bring_along
from dagster_drips.pipeline.scratch import scratch_folder
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import SEQUENCE_FILE, read_catalog
from dagster_drips.sequences.problems import Problem, suggestion
from dagster_drips.sequences.reserved_senders import reserved_senders
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.status_line import with_status


@dataclass(frozen=True)
class StatusChange:
    """A change that is not written yet.

    Args:
        file: the sequence file.
        before: its status now.
        text: the file as it is to be.
        files: a project with the change in it, to be planned.
        problems: what is wrong or surprising in the sequence's files with it.
    """

    file: Path
    before: str
    text: str
    files: Project
    problems: list[Problem]

    @property
    def errors(self) -> list[Problem]:
        """What forbids it."""
        return [problem for problem in self.problems if problem.severity == "error"]

    def write(self) -> None:
        """Put it into the project's file.

        Raises:
            DripsError: it can't be written.
        """
        try:
            atomic_write(self.file, self.text.encode(), mode=self.file.stat().st_mode & 0o777)
        except OSError as error:
            raise DripsError(f"can't write: {error.strerror}", file=self.file) from error


@contextmanager
def status_change(project: Project, sequence_id: str, status: str) -> Generator[StatusChange]:
    """What a new status would make of the project's files; nothing is written yet.

    Raises:
        DripsError: there is no such sequence, or its file can't be read or edited.
    """
    known = sorted(path.parent.name for path in project.sequences.glob(f"*/{SEQUENCE_FILE}"))
    if sequence_id not in known:
        raise DripsError(f"there is no sequence '{sequence_id}'{suggestion(sequence_id, known)}")
    file = project.sequences / sequence_id / SEQUENCE_FILE
    shown = file.relative_to(project.root).as_posix()
    segments = segment_names(project)
    written = read_catalog(project, segments=segments).written.get(sequence_id)
    before = written.sequence.status if written else "draft"
    with scratch_folder(project) as scratch:
        for part in (project.sequences, project.dbt):
            shutil.copytree(part, scratch / part.name, ignore=shutil.ignore_patterns(*MADE, ".user.yml"))
        bring_along(project, scratch)
        try:
            text = file.read_bytes().decode()
        except (OSError, ValueError) as error:
            raise DripsError(f"can't be read: {error}", file=shown) from error
        # Of a file that is no YAML, the catalog tells the line.
        with contextlib.suppress(yaml.YAMLError):
            text = with_status(text, status, file=shown)
        (scratch / "sequences" / sequence_id / SEQUENCE_FILE).write_bytes(text.encode())
        files = Project.at(scratch)
        catalog = read_catalog(files, segments=segments)
        problems = [*catalog.problems, *reserved_senders(catalog)]
        ours = [problem for problem in problems if problem.file.startswith(f"sequences/{sequence_id}/")]
        yield StatusChange(file, before, text, files, ours)
