"""The list of commands: importing this module registers them."""

from dagster_drips.cli import replay, run, validate

__all__ = ["replay", "run", "validate"]
