"""`drips collect`: the one part that is always on, for links that come back, events and webhooks."""

from __future__ import annotations

from typing import Annotated

import typer

from dagster_drips.cli.app import ProjectOption, app, chosen_project
from dagster_drips.cli.ports import free_port
from dagster_drips.extras import needs


@app.command(epilog="Example: `drips collect --host 127.0.0.1 --port 8000`")
def collect(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes; one a core is enough.")] = 1,
    trusted_proxies: Annotated[
        str,
        typer.Option(
            "--trusted-proxies",
            metavar="ADDRESSES",
            help="Whose X-Forwarded-For is believed: addresses or networks with commas between.",
        ),
    ] = "",
    access_log: Annotated[bool, typer.Option("--access-log", help="A line a request; its links hold tokens.")] = False,
    project: ProjectOption = None,
) -> None:
    """Answer the links of messages, take events and webhooks, and land them as files."""
    with needs("collector"):
        from dagster_drips.collector.app import serve
    from dagster_drips.settings import load_settings

    place = chosen_project(project)
    settings = load_settings(place)
    if not settings.secret_keys:
        typer.echo("warning: DRIPS_SECRET_KEYS is not set: links in messages can't be read and lead nowhere", err=True)
    port = free_port(host, port)
    typer.echo(f"collecting on http://{f'[{host}]' if ':' in host else host}:{port} for {place.root}")
    serve(
        place,
        host=host,
        port=port,
        workers=workers,
        trusted_proxies=[one.strip() for one in trusted_proxies.split(",") if one.strip()],
        access_log=access_log,
    )
