"""The `drips` command: one file a command, no work of its own.

Commands parse arguments, call plain modules or the Dagster job, and print. A user's mistake ends in one line on stderr
and exit 1, wrong usage in exit 2. A command imports what it calls when it runs: `drips --help` and a typo take half a
second instead of the three that Dagster, dbt and Polars need to load.
"""

from __future__ import annotations

from dagster_drips.cli.app import app


def main() -> None:
    """Entry point of the console script."""
    from dagster_drips.cli import commands  # noqa: F401 - importing them registers them

    app(prog_name="drips")
