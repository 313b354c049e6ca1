"""The application that commands register with, and what they share: options, errors, output."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.file_modes import protect_new_files
from dagster_drips.pipeline.dbt_package import LINK, link_package
from dagster_drips.project import Project
from dagster_drips.temporaries import clear

# A disk that is full, over quota or read-only is no bug of ours.
_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_chosen: dict[str, Path] = {}


class _OneLineErrors(TyperGroup):
    """Tell a user's mistake in one line; let bugs show their traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DripsError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from None
        except BrokenPipeError:
            # the reader of our output went away: `drips status | head`
            sys.stderr.close()
            raise typer.Exit(0) from None
        except OSError as error:
            if error.errno not in _DISKS:
                raise
            place = f"{error.filename}: " if error.filename else ""
            typer.echo(f"error: {place}{error.strerror}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_OneLineErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Drip and lifecycle email that lives in the data warehouse.",
)

ReaderOption = Annotated[
    str | None,
    typer.Option(
        "--lead",
        metavar="LEAD",
        help="Render for this lead, by lead_id or address; else for one made up.",
        show_default=False,
    ),
]
"""Whom mails are rendered for that nobody is sent."""
ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project", metavar="DIR", help="The project folder; else DRIPS_PROJECT, else this folder.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@app.callback()
def _main(project: ProjectOption = None) -> None:
    if project is not None:
        _chosen["project"] = project


def chosen_project(option: Path | None) -> Project:
    """The project that a command works on: its `--project`, the one before the command, DRIPS_PROJECT, this folder.

    What killed processes left behind is cleared on the way, and the dbt project linked to the product's models.
    """
    project = Project.at(option or _chosen.get("project") or os.environ.get("DRIPS_PROJECT") or Path.cwd())
    protect_new_files(project)
    # A project that can't be written to can still be looked at.
    with contextlib.suppress(OSError):
        clear(project)
    packages = project.dbt / "packages.yml"
    # For plain dbt. A dbt project that others run, too, gets the links where it names them.
    if packages.exists() and (not project.dbt.is_symlink() or LINK in packages.read_text(errors="replace")):
        # Whoever runs models says what is wrong.
        with contextlib.suppress(DripsError):
            link_package(project.dbt)
    return project


def check_writable(*files: Path | None) -> None:
    """Tell before the work, and not after it, that a file or folder can't be written.

    Raises:
        DripsError: the nearest folder that is there lets nobody write.
    """
    for file in files:
        if file is None:
            continue
        folder = next(place for place in (file.absolute(), *file.absolute().parents) if place.is_dir())
        if not os.access(folder, os.W_OK):
            raise DripsError("can't write there", file=file)


def print_json(value: Any) -> None:
    """One JSON document on stdout; times as the contract spells them."""
    typer.echo(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> Any:

    return format_instant(value) if isinstance(value, datetime) else str(value)
