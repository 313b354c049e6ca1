"""The dbt project that the last tick decided by, in a folder of its own: for whoever looks ahead or back by it.

What was decided by it, and what is made of it elsewhere, is not known here.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dagster_drips.pipeline.compiled_runs import FOLDER
from dagster_drips.pipeline.dbt_files import PACKAGES
from dagster_drips.pipeline.dbt_package import has_own_models
from dagster_drips.pipeline.dbt_runner import PARTIAL_PARSE
from dagster_drips.pipeline.segments import prepared_files
from dagster_drips.project import Project
from dagster_drips.sequences.segment_files import keep_tagged_files, tagged_files
from dagster_drips.warehouse import Warehouse


def write_live_models(project: Project, folder: Path, warehouse: Warehouse) -> bool:
    """Write them to a folder's `dbt_project/`; False where no tick has kept them, and nothing was written.

    The package beside them is that of the installed version, whichever the tick had.
    """
    files = prepared_files(warehouse)
    if has_own_models(files.get("dbt_project.yml", "")):
        # Decided by models that were copied into the project: they are no package, and Python has gone on.
        return False
    for path, text in files.items():
        place = folder / "dbt_project" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())
    if files:
        bring_along(project, folder)
    return bool(files)


def bring_along(project: Project, folder: Path) -> None:
    """What is no part of the files: what `dbt deps` fetched, the last parse, as what differs alone is read anew, and
    runs that dbt compiled."""
    for name in PACKAGES:
        if (project.dbt_work / name).is_dir():
            (folder / "dbt_project" / name).symlink_to(project.dbt_work / name, target_is_directory=True)
    parse = project.dbt_target / PARTIAL_PARSE
    if parse.exists():
        (folder / "dbt_project" / "target").mkdir(exist_ok=True)
        shutil.copyfile(parse, folder / "dbt_project" / "target" / PARTIAL_PARSE)
    if (tagged := tagged_files(project)) is not None:
        keep_tagged_files(Project(folder), tagged)
    runs = project.dbt_target / FOLDER
    if runs.is_dir():
        shutil.copytree(runs, folder / "dbt_project" / "target" / FOLDER, dirs_exist_ok=True)
