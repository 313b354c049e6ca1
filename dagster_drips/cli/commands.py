"""The list of commands: importing this module registers them."""

from dagster_drips.cli import demo, replay, run, status, validate

__all__ = ["demo", "replay", "run", "status", "validate"]
