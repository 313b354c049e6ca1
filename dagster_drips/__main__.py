"""`python -m dagster_drips`: the `drips` command without its script."""

from dagster_drips.cli import main

main()
