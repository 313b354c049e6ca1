"""`drips send-test`: one mail of the working files, sent to whoever writes it. The work is `preview.sending`'s."""

from __future__ import annotations

from typing import Annotated

import typer

from dagster_drips.cli.app import ProjectOption, ReaderOption, app, chosen_project


@app.command("send-test", epilog="Example: `drips send-test abandoned_cart hour --to me@acme.example`")
def send_test(
    sequence: Annotated[str, typer.Argument(metavar="SEQUENCE", help="Drafts too.", show_default=False)],
    step: Annotated[str, typer.Argument(metavar="STEP", help="Which of its mails.", show_default=False)],
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Whom it goes to.", show_default=False)],
    variant: Annotated[
        str | None, typer.Option(metavar="ID", help="Which variant; else the first.", show_default=False)
    ] = None,
    lead: ReaderOption = None,
    project: ProjectOption = None,
) -> None:
    """Send one mail for real, marked as a test: by its sender's servers, signed, in no journal and no statistic."""
    from dagster_drips.preview.mails import reader_of
    from dagster_drips.preview.sending import send_test as sent
    from dagster_drips.settings import load_settings

    place = chosen_project(project)
    reader = reader_of(place, lead)
    server = sent(place, load_settings(place), sequence, step, variant_id=variant, to=to, reader=reader)
    typer.echo(f"sent to {to} by {server}")
