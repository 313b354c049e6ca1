"""The list of commands: importing this module registers them."""

from dagster_drips.cli import demo, rebuild, replay, run, status, validate

__all__ = ["demo", "rebuild", "replay", "run", "status", "validate"]
