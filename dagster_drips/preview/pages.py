"""Previewed mails as files: each mail's HTML and text, and one page with all of them as they look on a desktop, on a
phone, in a dark inbox and without images.

Where Chromium is installed, each of these as a picture too. What belongs here is laying out; rendering mails is
`mails`', what a view shows is `views`'.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.preview.findings import Findings
from dagster_drips.preview.mails import PreviewedMail, Reader
from dagster_drips.preview.views import VIEWS, View, as_seen, knows_dark

INDEX = "index.html"
_SHEET = Path(__file__).with_name("contact_sheet.html")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_HEIGHT = 1600
_SECONDS = 60


@dataclass(frozen=True)
class Written:
    """What was written: the page, and how many pictures; none where there is no Chromium."""

    index: Path
    pictures: int


def write_pages(
    folder: Path,
    mails: Sequence[PreviewedMail],
    reader: Reader,
    *,
    made_at: datetime,
    title: str,
    findings: Findings | None = None,
) -> Written:
    """Write a page of mails and a file of each; what else lies in the folder stays.

    Args:
        folder: made where it is missing.
        mails: to show.
        reader: whom they were rendered for.
        made_at: naive UTC.
        title: of the page.
        findings: shown with the mails.

    Raises:
        DripsError: it can't be written.
    """
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    known = findings or Findings()
    asked: list[tuple[str, Path, PreviewedMail, View]] = []
    try:
        for mail in mails:
            if mail.error:
                continue
            place = folder / mail.sequence_id
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{mail.name}.html").write_text(mail.html, encoding="utf-8")
            (place / f"{mail.name}.txt").write_text(mail.text, encoding="utf-8")
            if browser:
                asked += [(browser, place, mail, view) for view in VIEWS]
        # A browser a picture; two at a time are the machine's matter, not the project's.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            pictures = sum(pool.map(lambda one: _pictured(*one), asked))
        folder.mkdir(parents=True, exist_ok=True)
        page = Environment(autoescape=True, undefined=StrictUndefined).from_string(_SHEET.read_text(encoding="utf-8"))
        text = page.render(
            title=title,
            mails=mails,
            views=VIEWS,
            as_seen=as_seen,
            knows_dark=knows_dark,
            missing=known.missing,
            spam=known.spam,
            reader=reader.told,
            made_at=format_instant(made_at),
        )
        (folder / INDEX).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=folder) from error
    return Written(folder / INDEX, pictures)


def _pictured(browser: str, place: Path, mail: PreviewedMail, view: View) -> bool:
    """Whether there is a picture of a mail in that view."""
    picture = place / f"{mail.name}.{view.suffix}.png"
    with tempfile.TemporaryDirectory(prefix="drips-preview-") as profile:
        page = Path(profile) / "mail.html"
        page.write_text(as_seen(mail.html, view), encoding="utf-8")
        options = [
            *("--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"),
            *("--disable-component-update", "--hide-scrollbars"),
            # A mail is other people's HTML, and root may start no sandbox of its own.
            *("--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"),
            f"--user-data-dir={profile}",
            f"--window-size={view.width},{_HEIGHT}",
            f"--screenshot={picture}",
        ]
        command = [browser, *options, page.as_uri()]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            return False
    return picture.exists()
