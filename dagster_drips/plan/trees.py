"""The two trees of files that a plan compares, each frozen in a folder of its own: nothing in the project is touched.

A tree has `sequences/` and `dbt_project/` and no data, so that neither side sees a file land that the other doesn't.
Both take the product's models from the installed version, which a project's files don't say.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_files import MADE
from dagster_drips.pipeline.live_models import bring_along, write_live_models
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.warehouse import Warehouse

LIVE = "live"
_PARTS = ("sequences", "dbt_project")


@dataclass(frozen=True)
class Tree:
    """One side's files.

    Args:
        project: where they lie.
        name: what people call it: `live`, a git ref, `working files`.
        reads_sequences: whether the sequence files count; without, what the last tick had live does.
    """

    project: Project
    name: str
    reads_sequences: bool = True


def working_tree(project: Project, folder: Path) -> Tree:
    """The project's files as they are now."""
    leave = shutil.ignore_patterns(*MADE, ".user.yml")
    for part in _PARTS:
        shutil.copytree(project.root / part, folder / part, ignore=leave)
    bring_along(project, folder)
    return Tree(Project.at(folder), "the working files")


def live_tree(project: Project, folder: Path, warehouse: Warehouse) -> Tree:
    """The models as the last tick decided by them; the sequences of then stand in the warehouse.

    Raises:
        DripsError: no tick has kept its models.
    """
    if not write_live_models(project, folder, warehouse):
        raise DripsError(
            "no tick has kept what it decided by, so nobody knows what is live: the next tick will; until then compare"
            " with a commit, `drips plan --base GIT_REF`",
            file=project.warehouse,
        )
    (folder / "sequences").mkdir()
    return Tree(Project.at(folder), LIVE, reads_sequences=False)


def git_tree(project: Project, folder: Path, ref: str) -> Tree:
    """The files as a commit has them.

    Raises:
        DripsError: the project is in no git repository, there is no such commit, it has no project in this place, or
            its sequence files have mistakes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    commit = _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        if _git(project, "rev-parse", "--git-dir") is None:
            raise DripsError(
                "this project is in no git repository, so --base takes nothing but live", file=project.root
            )
        raise DripsError(f"--base {ref}: git knows no such commit; a branch, tag or commit id is one, or live")
    archive = _git(project, "archive", "--format=tar", commit.decode().strip(), *_PARTS)
    if archive is None:
        raise DripsError(f"--base {ref}: this commit has no folders sequences/ and dbt_project/ here")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        # Whoever commits what dbt's tools made has it from here all the same.
        made = {("dbt_project", name) for name in MADE}
        written = [member for member in tar if Path(member.name).parts[:2] not in made]
        tar.extractall(folder, members=written, filter="data")
    bring_along(project, folder)
    tree = Tree(Project.at(folder), ref)
    if mistakes := read_catalog(tree.project, segments=segment_names(tree.project)).errors:
        worst = mistakes[0]
        raise DripsError(f"{worst.message} (--base {ref})", file=worst.file, line=worst.line)
    return tree


def _git(project: Project, *arguments: str) -> bytes | None:
    """What git says, asked in the project's folder; None where it refuses.

    Raises:
        DripsError: there is no git.
    """
    try:
        done = subprocess.run(["git", *arguments], cwd=project.root, capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError as error:
        raise DripsError("--base GIT_REF needs git, which is not installed") from error
    return done.stdout if done.returncode == 0 else None
