"""The list of commands: importing this module registers them."""

from dagster_drips.cli import (
    adopt,
    collect,
    demo,
    doctor,
    export,
    forget,
    inbox,
    plan,
    rebuild,
    replay,
    resolve,
    run,
    status,
    suppressions,
    validate,
)

__all__ = [
    "adopt",
    "collect",
    "demo",
    "doctor",
    "export",
    "forget",
    "inbox",
    "plan",
    "rebuild",
    "replay",
    "resolve",
    "run",
    "status",
    "suppressions",
    "validate",
]
