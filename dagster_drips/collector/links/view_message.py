"""One message as HTML again: `python -m dagster_drips.collector.links.view_message PROJECT MESSAGE_ID`.

For `viewing` only: a process of its own, which may import what it likes. How a message is made again is
`sent_message`'s.
"""

from __future__ import annotations

import sys

import polars as pl

from dagster_drips.collector.links.sent_message import sent_message
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.templating.templates import RenderError


def message_html(project: Project, message_id: str) -> str:
    """The HTML of a message that was sent.

    Raises:
        DripsError: what it was made of is not there (yet).
        RenderError: it can't be rendered now.
    """
    return sent_message(project, message_id).html


def main() -> None:
    """Print the HTML; the exit code is 1 and stderr says why where there is none."""
    try:
        html = message_html(Project.at(sys.argv[1]), sys.argv[2])
    except (DripsError, RenderError, OSError, ValueError, pl.exceptions.PolarsError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    sys.stdout.buffer.write(html.encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
