"""`drips preview`: every mail of the working files as somebody would see it, before anybody does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import ProjectOption, ReaderOption, app, check_writable, chosen_project
from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError


@app.command(epilog="Example: `drips preview abandoned_cart --out preview --lead ada@acme.example --spam`")
def preview(
    sequence: Annotated[
        str | None, typer.Argument(metavar="[SEQUENCE]", help="One sequence; else all of them.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write the page and the mails.")] = Path("preview"),
    lead: ReaderOption = None,
    spam: Annotated[bool, typer.Option("--spam", help="Ask SpamAssassin about each mail, seconds a mail.")] = False,
    project: ProjectOption = None,
) -> None:
    """Render every step and variant into a folder: a page of all, HTML, plain text, and pictures where Chromium is."""
    from dagster_drips.preview.findings import findings_on
    from dagster_drips.preview.mails import previewed, reader_of
    from dagster_drips.preview.pages import write_pages

    place = chosen_project(project)
    if out.exists() and not out.is_dir():
        raise DripsError("--out takes a folder, and this is a file", file=out)
    check_writable(out)
    reader = reader_of(place, lead)
    mails = previewed(place, sequence, reader)
    findings = findings_on(place, mails, reader, with_spam=spam)
    title = sequence or place.root.name
    written = write_pages(out, mails, reader, made_at=utc_now(), title=title, findings=findings)
    for mail in mails:
        told = mail.error or ("Gmail clips it at 102 KB" if mail.is_clipped else "")
        if told:
            typer.echo(f"{mail.sequence_id}/{mail.name}: {told}", err=True)
    if made_up := sorted({name for mail in mails for name in mail.made_up_content}):
        typer.echo(f"made up, as tests.yml gives it: content.{', content.'.join(made_up)}", err=True)
    typer.echo(f"{len(mails)} mails for {reader.told}, {written.pictures} pictures: {written.index}")
    if any(mail.error for mail in mails):
        raise typer.Exit(1)
