"""New files of a project, from the templates beside this module.

What belongs here is writing them, all or none, over nothing that is there. What a sequence means is docs/contract.md's;
editing files that exist is not done here.
"""

from __future__ import annotations

import re
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.pipeline.dbt_package import product_names
from dagster_drips.project import Project
from dagster_drips.scaffold.json_schemas import write_json_schemas

_TEMPLATES = Path(__file__).parent
_NAME = "NEW_NAME"
_TITLE = "New title"
_SEQUENCE_ID = re.compile(r"[a-z0-9_-]+")
_SEGMENT_NAME = re.compile(r"[a-z][a-z0-9_]*")


def new_sequence(project: Project, sequence_id: str) -> list[Path]:
    """A draft with two mails, and its tests; returns the files, each written.

    Raises:
        DripsError: the id can't be one, there is such a sequence, or the folder can't be written.
    """
    if not _SEQUENCE_ID.fullmatch(sequence_id):
        raise DripsError(
            f"'{sequence_id}' can't be a sequence's id: a-z, 0-9, _ and - are allowed (rules.md, Identity)"
        )
    if sequence_id == "project":
        raise DripsError("a sequence can't be called 'project' (E8)")
    return _write(project, "sequence", project.sequences / sequence_id, {}, sequence_id)


def new_segment(project: Project, name: str) -> list[Path]:
    """A segment model, and its description and tests for dbt; returns the files, each written.

    Raises:
        DripsError: the name can't be one, there is such a segment, or the folder can't be written.
    """
    if not _SEGMENT_NAME.fullmatch(name):
        raise DripsError(f"'{name}' can't be a segment's name: a letter a-z, then a-z, 0-9 and _ are allowed")
    _refuse_taken(name, "a segment's")
    return _write(
        project, "segment", project.segments, {"segment.sql": f"{name}.sql", "segment.yml": f"{name}.yml"}, name
    )


def new_content(project: Project, name: str) -> list[Path]:
    """A content model with several rows a lead (M9), and its description for dbt; returns the files, each written.

    Raises:
        DripsError: the name can't be one, there is such a content model, or the folder can't be written.
    """
    if not _SEGMENT_NAME.fullmatch(name):
        raise DripsError(f"'{name}' can't be a content model's name: a letter a-z, then a-z, 0-9 and _ are allowed")
    _refuse_taken(name, "a content model's")
    names = {"content.sql": f"{name}.sql", "content.yml": f"{name}.yml"}
    return _write(project, "content", project.content, names, name)


def _refuse_taken(name: str, whose: str) -> None:
    if kind := product_names().get(name):
        raise DripsError(f"'{name}' can't be {whose} name: the product has a {kind} of that name")


def _write(project: Project, kind: str, folder: Path, names: dict[str, str], name: str) -> list[Path]:
    """The files of a kind; a template that `names` doesn't rename keeps its name."""
    templates = sorted(path for path in (_TEMPLATES / kind).iterdir() if path.is_file())
    made = {folder / names.get(template.name, template.name): template for template in templates}
    if there := [path for path in made if path.exists()]:
        raise DripsError("there is such a file already; nothing was written", file=there[0])
    title = name.replace("_", " ").replace("-", " ").capitalize()
    try:
        for path, template in made.items():
            text = template.read_text(encoding="utf-8").replace(_NAME, name).replace(_TITLE, title)
            atomic_write(path, text.encode())
        write_json_schemas(project.sequences)
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=folder) from error
    return list(made)
