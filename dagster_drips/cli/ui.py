"""`drips ui`: the console in a browser, on this machine alone."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import ProjectOption, app, chosen_project
from dagster_drips.cli.ports import free_port
from dagster_drips.errors import DripsError
from dagster_drips.extras import needs

_ADDRESS = "127.0.0.1"
_OPTIONS = (
    ("server.address", _ADDRESS),
    ("browser.serverAddress", _ADDRESS),
    # A page elsewhere that has its name lead to this machine reads nothing (DNS rebinding).
    ("server.allowedHosts", _ADDRESS),
    ("server.allowedHosts", "localhost"),
    ("server.enableCORS", "true"),
    ("server.enableXsrfProtection", "true"),
    ("server.enableAgentApi", "false"),
    # Nothing of a project leaves this machine.
    ("browser.gatherUsageStats", "false"),
    ("server.headless", "true"),
    ("server.fileWatcherType", "none"),
    ("runner.magicEnabled", "false"),
    ("client.toolbarMode", "minimal"),
    ("client.showErrorDetails", "none"),
    ("logger.level", "warning"),
    # Red is for what is wrong.
    ("theme.light.primaryColor", "#2563eb"),
    ("theme.dark.primaryColor", "#60a5fa"),
)
"""Of Streamlit's server, whatever a `.streamlit/config.toml` says."""


@app.command(epilog="Example: `drips ui --port 8501`")
def ui(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen, on 127.0.0.1 alone; 0 takes a free one.")
    ] = 8501,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What `drips plan --json` printed; else plan.json of the project.", show_default=False
        ),
    ] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Let sequence files be edited; else nothing is written.")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Show the console: numbers, people and mails of a project, from what was published last and its files."""
    place = chosen_project(project)
    with needs("ui"):
        # Not imported: it takes a second, and runs in its own process.
        if importlib.util.find_spec("streamlit") is None:
            raise ModuleNotFoundError(name="streamlit")
    port = free_port(_ADDRESS, port)
    script = Path(__file__).parent.parent / "console" / "app.py"
    options = [f"--{name}={value}" for name, value in (*_OPTIONS, ("server.port", port))]
    given = [
        "--project",
        str(place.root),
        *(["--plan", str(plan.absolute())] if plan else []),
        *(["--edit"] if edit else []),
    ]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options, "--", *given]
    typer.echo(f"the console of {place.root} is on http://{_ADDRESS}:{port}; Ctrl-C ends it")
    sys.stdout.flush()
    try:
        # In place of this process: whoever ends `drips ui` ends the server.
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        raise DripsError(f"can't start: {error.strerror}") from error
