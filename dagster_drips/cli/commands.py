"""The list of commands: importing this module registers them."""

from dagster_drips.cli import demo, doctor, rebuild, replay, resolve, run, status, validate

__all__ = ["demo", "doctor", "rebuild", "replay", "resolve", "run", "status", "validate"]
