"""What a run of a tick did, for people and for scripts. Words and counts only; the keys are the contract's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dagster_drips.clock import format_instant
from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.pipeline.checks import Check
from dagster_drips.pipeline.tick import TickReport
from dagster_drips.vocabulary import LANDING_KINDS

_DECIDED = ("judged", "enrolled", "exited", "skipped", "due")
_OUTCOMES = ("sent", "failed", "bounced", "deferred", "in_doubt", "refused", "exited_at_send")


@dataclass(frozen=True)
class RunReport:
    """A whole tick.

    Args:
        tick: what its phases did.
        failed: the checks that did not pass, in the order of the phases.
        seconds: by the wall clock.
    """

    tick: TickReport
    failed: list[Check] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def problems(self) -> list[str]:
        """Mistakes in files, each with its place: sequence files that don't validate, segments without a result."""
        return [problem for check in self.failed for problem in check.problems or ()]

    def as_dict(self) -> dict[str, Any]:
        """Counts by phase, for scripts."""
        tick, sent = self.tick, self.tick.sent or DispatchReport()
        loaded = {}
        for kind in LANDING_KINDS:
            load = tick.loaded[kind]
            counts = {"rejected": load.rejected, "duplicates": load.duplicates}
            loaded[kind] = {"files": load.files, "loaded": load.rows, **counts}
        return {
            "as_of": format_instant(tick.decided.as_of),
            "loaded": loaded,
            "decided": {name: getattr(tick.decided, name) for name in _DECIDED},
            "sent": {name: getattr(sent, name) for name in (*_OUTCOMES, "held", "only_to", "left_due")}
            | {"stopped": sent.stopped or ""},
            "completed": tick.completed,
            "failed_checks": [str(check) for check in self.failed],
            "problems": self.problems,
        }

    def lines(self) -> list[str]:
        """The same for people."""
        report = self.as_dict()
        loads = report["loaded"]
        loaded = ", ".join(f"{counts['loaded']} {kind}" for kind, counts in loads.items())
        rejected = sum(counts["rejected"] for counts in loads.values())
        decided = ", ".join(f"{count} {name}" for name, count in report["decided"].items())
        return [
            f"tick     {report['as_of']}",
            f"loaded   {loaded}" + (f"; {rejected} rejected, see raw.rejected_rows" if rejected else ""),
            f"decided  {decided}",
            *lines_of_sending(self.tick.sent),
            *(f"check    {check}" for check in report["failed_checks"]),
            *(f"error    {problem}" for problem in self.problems),
            *self._where_to_look(),
        ]

    def _where_to_look(self) -> list[str]:
        count = len(self.problems)
        return [f"errors   {count} in sequence files and segments; `drips validate` checks them"] if count else []

    def line(self, why: str) -> str:
        """The same in one line: of a process that runs one tick after another.

        Args:
            why: what the tick was started by.
        """
        report = self.as_dict()
        rows = {kind: counts["loaded"] for kind, counts in report["loaded"].items() if counts["loaded"]}
        loaded = ", ".join(f"{count} {kind}" for kind, count in rows.items()) or "nothing"
        told = [f"{loaded} loaded", ", ".join(f"{report['decided'][name]} {name}" for name in ("enrolled", "due"))]
        sent = report["sent"]
        counts = [f"{sent[name]} {name.replace('_', ' ')}" for name in _OUTCOMES if sent[name]]
        told.append(", ".join(counts) or "nothing sent")
        if sent["stopped"]:
            told.append(f"sending stopped: {sent['stopped']}")
        if self.failed:
            told.append(f"failed: {', '.join(f'{check.table} {check.name}' for check in self.failed)}")
        return f"{report['as_of']}  {why}: {'; '.join(told)} ({self.seconds:.1f} s)"


def lines_of_sending(sent: DispatchReport | None) -> list[str]:
    """What became of what was due; what is held back and what stopped sending only where there is any."""
    if sent is None:
        return ["sent     nothing, as asked (--no-send)"]
    lines = ["sent     " + ", ".join(f"{getattr(sent, name)} {name.replace('_', ' ')}" for name in _OUTCOMES)]
    if sent.held:
        lines.append(f"held     {sent.held} stay due, by the rates of senders and domains")
    if sent.only_to:
        lines.append(f"held     {sent.only_to} stay due: DRIPS_ONLY_TO lets mail go to others alone")
    if sent.stopped:
        lines.append(f"stopped  {sent.left_due} stay due: {sent.stopped}")
    return lines
