"""Running the Dagster job of a tick in this process, for the commands that need one."""

from __future__ import annotations

import errno
import logging
import os
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from dagster_drips.errors import DripsError
from dagster_drips.orchestration.build import build_defs
from dagster_drips.orchestration.names import PROBLEMS
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

# Full, over quota, read-only; a step hands on its error as text.
_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_OUTCOMES = ("sent", "failed", "bounced", "deferred", "in_doubt", "refused", "exited_at_send")


@dataclass
class TickReport:
    """What a tick did: each asset's metadata, failed checks, and the error that ended it early."""

    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed_checks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Mistakes in files, each with its place: sequence files that don't validate, segments without a result."""
    failed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Counts by phase, for scripts."""
        due = self.metadata.get("decide/due_steps", {})
        sent = self.metadata.get("raw/delivery_log", {})
        return {
            "as_of": self.metadata.get("raw/tick", {}).get("as_of"),
            "loaded": {kind: self.metadata.get(f"raw/{kind}", {}) for kind in LANDING_KINDS},
            "decided": {name: due.get(name) for name in ("judged", "enrolled", "exited", "skipped", "due")},
            "sent": {name: sent.get(name, 0) for name in (*_OUTCOMES, "held", "only_to", "left_due")}
            | {"stopped": sent.get("stopped", "")},
            "completed": self.metadata.get("journal/enrollment_closings", {}).get("completed"),
            "failed_checks": self.failed_checks,
            "problems": self.problems,
        }

    def lines(self) -> list[str]:
        """The same for people."""
        report = self.as_dict()
        loaded = ", ".join(f"{counts.get('loaded', 0)} {kind}" for kind, counts in report["loaded"].items())
        rejected = sum(counts.get("rejected", 0) for counts in report["loaded"].values())
        decided = ", ".join(f"{count or 0} {name}" for name, count in report["decided"].items())
        sent = ", ".join(f"{report['sent'][name]} {name.replace('_', ' ')}" for name in _OUTCOMES)
        lines = [
            f"tick     {report['as_of']}",
            f"loaded   {loaded}" + (f"; {rejected} rejected, see raw.rejected_rows" if rejected else ""),
            f"decided  {decided}",
            f"sent     {sent}" if "raw/delivery_log" in self.metadata else "sent     nothing, as asked (--no-send)",
        ]
        if report["sent"]["held"]:
            lines.append(f"held     {report['sent']['held']} stay due, by the rates of senders and domains")
        if report["sent"]["only_to"]:
            lines.append(f"held     {report['sent']['only_to']} stay due: DRIPS_ONLY_TO lets mail go to others alone")
        if report["sent"]["stopped"]:
            lines.append(f"stopped  {report['sent']['left_due']} stay due: {report['sent']['stopped']}")
        lines += [f"check    {check}" for check in self.failed_checks]
        lines += [f"error    {problem}" for problem in self.problems]
        if self.problems:
            lines.append(f"errors   {len(self.problems)} in sequence files and segments; `drips validate` checks them")
        return lines


def run_tick(project: Project, *, as_of: str | None, send: bool) -> TickReport:
    """Materialize a whole tick.

    Raises:
        DripsError: a user's mistake or a state of the world ended it; bugs raise as they are.
    """
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    job = build_defs(project).resolve_job_def("tick" if send else "tick_without_sending")
    instance = dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else dg.DagsterInstance.ephemeral()
    config = {
        "ops": {"clock": {"config": {"as_of": as_of}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with instance:
        result = job.execute_in_process(run_config=config, instance=instance, raise_on_error=False)
    report = TickReport(failed=not result.success)
    for event in result.all_events:
        if event.is_step_failure:
            _raise_the_cause(event)
        if event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            report.metadata["/".join(materialization.asset_key.path)] = {
                name: value.value for name, value in materialization.metadata.items()
            }
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            shown = {name: value.value for name, value in evaluation.metadata.items() if name != PROBLEMS}
            details = " ".join(", ".join(f"{name}: {value}" for name, value in shown.items() if value).split())
            if PROBLEMS in evaluation.metadata:
                lines = evaluation.metadata[PROBLEMS].value
                report.problems += [str(line) for line in lines] if isinstance(lines, list) else []
            report.failed_checks.append(f"{evaluation.asset_key.to_user_string()} {evaluation.check_name} ({details})")
    return report


def _raise_the_cause(event: dg.DagsterEvent) -> None:
    error = event.step_failure_data.error
    while error is not None:
        if error.cls_name in ("DripsError", "TransformFailed", "WarehouseBusy"):
            raise DripsError(error.message.split(": ", 1)[-1])
        if error.cls_name == "OSError" and any(f"[Errno {number}]" in error.message for number in _DISKS):
            raise DripsError(error.message.split("] ", 1)[-1])
        error = error.cause
    raise RuntimeError(event.step_failure_data.error_display_string)
