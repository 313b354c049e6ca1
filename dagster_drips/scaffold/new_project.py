"""A new project from what the installed package brings: example sequences and segments, folders, settings to fill in.

What belongs here is laying the files out. What stands in them is this repository's own `sequences/` and `dbt_project/`,
which the wheel carries as `scaffold/starter/`, and `scaffold/project/`. The product's models stay in the wheel
(`pipeline.dbt_package`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_files import MADE
from dagster_drips.pipeline.dbt_package import link_package
from dagster_drips.vocabulary import LANDING_KINDS

_HERE = Path(__file__).parent
_NAMES = {
    "env.example": ".env.example",
    "gitignore": ".gitignore",
    "README.md": "README.md",
    "dagster.yaml": "dagster.yaml",
}
_WORKSPACE = (
    "load_from:\n  - python_module:\n      module_name: dagster_drips.definitions\n      location_name: drips\n"
)
LEFT_OUT = shutil.ignore_patterns(*MADE, ".user.yml", ".dbtignore", "package-lock.yml")
"""Of a dbt project: what a new one doesn't get."""


def new_project(folder: Path) -> list[str]:
    """Make a project; returns the names of what stands in the folder now.

    Args:
        folder: made where it is missing; it may hold a git repository and nothing else.

    Raises:
        DripsError: there is something in it, or it can't be written.
    """
    if folder.exists() and (not folder.is_dir() or any(path.name != ".git" for path in folder.iterdir())):
        raise DripsError("there is something here already; a new project wants an empty folder", file=folder)
    source = starter()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("sequences", "dbt_project"):
            shutil.copytree(source / part, folder / part, ignore=LEFT_OUT)
            make_writable(folder / part)
        for kind in LANDING_KINDS:
            place = folder / "data" / "landing" / kind
            place.mkdir(parents=True)
            (place / ".gitkeep").touch()
        (folder / "workspace.yaml").write_text(_WORKSPACE, encoding="utf-8")
        for name, target in _NAMES.items():
            shutil.copyfile(_HERE / "project" / name, folder / target)
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=folder) from error
    link_package(folder / "dbt_project")
    return sorted(path.name for path in folder.iterdir() if path.name != ".git")


def starter() -> Path:
    """Where the examples and a project's settings lie: in the installed package, or beside it in a checkout.

    Raises:
        DripsError: the installation lacks them.
    """
    packaged, checkout = _HERE / "starter", _HERE.parents[1]
    found = packaged if packaged.is_dir() else checkout
    if not (found / "dbt_project").is_dir():
        raise DripsError("this installation has no models to make a project of; install the wheel anew", file=found)
    return found


def make_writable(folder: Path) -> None:
    """Let people edit what an installer left read-only."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)
