"""The list of commands: importing this module registers them."""

from dagster_drips.cli import rebuild, replay, run, validate

__all__ = ["rebuild", "replay", "run", "validate"]
