"""The list of commands: importing this module registers them."""

from dagster_drips.cli import (
    activate,
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
    "activate",
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
