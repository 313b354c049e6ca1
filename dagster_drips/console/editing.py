"""A sequence's file edited in the console: checked as `drips validate` would, and only then written.

Here belongs that one file, and only where the console was started with `--edit`.
"""

from __future__ import annotations

import shutil

import streamlit as st

from dagster_drips.console.state import Console
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.pipeline.dbt_files import MADE
from dagster_drips.pipeline.scratch import scratch_folder
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import SEQUENCE_FILE, read_catalog
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.segment_files import segment_names


def editor(console: Console, sequence_id: str) -> None:
    """The file of a sequence, to be changed; nothing where the console is for looking only."""
    if not console.can_edit:
        return
    st.subheader("Edit sequence.yml")
    file = console.project.sequences / sequence_id / SEQUENCE_FILE
    try:
        text = file.read_bytes().decode()
    except (OSError, ValueError) as error:
        st.error(f"sequences/{sequence_id}/{SEQUENCE_FILE} can't be read: {error}")
        return
    with st.form(f"edit-{sequence_id}"):
        changed = st.text_area("sequence.yml", text, height=420, key=f"text-{sequence_id}")
        if not st.form_submit_button("Check and write"):
            return
    try:
        problems = write_checked(console.project, sequence_id, changed, before=text)
    except DripsError as error:
        st.error(str(error))
        return
    for problem in problems:
        (st.error if problem.severity == "error" else st.warning)(str(problem))
    if not any(problem.severity == "error" for problem in problems):
        st.success("Written. What it changes for people says `drips plan`; it counts from the next tick on.")


def write_checked(project: Project, sequence_id: str, text: str, *, before: str) -> list[Problem]:
    """Write a sequence's file where the sequence has no mistake with it.

    Args:
        project: whose.
        sequence_id: whose file.
        text: as it is to be.
        before: as it was when somebody began to edit.

    Returns:
        What is wrong or surprising; with an error among it nothing was written.

    Raises:
        DripsError: somebody else has written the file meanwhile, or it can't be written.
    """
    file = project.sequences / sequence_id / SEQUENCE_FILE
    shown = file.relative_to(project.root).as_posix()
    new = text.replace("\r\n", "\n")
    try:
        if file.read_bytes().decode() != before:
            raise DripsError("was changed by somebody else meanwhile; load the page again", file=shown)
        with scratch_folder(project) as scratch:
            for part in (project.sequences, project.dbt):
                shutil.copytree(part, scratch / part.name, ignore=shutil.ignore_patterns(*MADE, ".user.yml"))
            (scratch / "sequences" / sequence_id / SEQUENCE_FILE).write_bytes(new.encode())
            found = read_catalog(Project.at(scratch), segments=segment_names(project)).problems
        problems = [problem for problem in found if problem.file.startswith(f"sequences/{sequence_id}/")]
        if not any(problem.severity == "error" for problem in problems):
            atomic_write(file, new.encode(), mode=file.stat().st_mode & 0o777)
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=shown) from error
    return problems
