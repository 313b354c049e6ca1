"""What is said of a tick beside what it decided: checks, each with what a person is told where it failed.

Here belongs judging what a phase left, once for whoever shows it: Dagster as asset checks, `drips run` as lines. None
stops anything. What does not belong here: dbt's data tests (`data_tests`), and telling people (`alerts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.delivery.losses import reported_losses
from dagster_drips.delivery.resolve import Doubt, doubts
from dagster_drips.landing.files import IgnoredFile
from dagster_drips.landing.load import LoadReport
from dagster_drips.pipeline.gates import holding_gates
from dagster_drips.pipeline.intake import IntakeReport
from dagster_drips.pipeline.segments import paused_sequences, recorded_failures
from dagster_drips.project import Project
from dagster_drips.sequences.problems import Problem
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import Warehouse

NOTHING_REJECTED, NOTHING_IGNORED = "nothing_rejected", "nothing_ignored"
FILES_ARE_VALID = "files_are_valid"
MODELS_ARE_LANDED = "models_are_landed"
SEGMENTS_HAVE_RESULTS, NO_GATE_HOLDS = "segments_have_results", "no_gate_holds"
STOPPED, IN_DOUBT, WHOLE = "sending_did_not_stop_early", "nothing_is_in_doubt", "delivery_journal_is_whole"

_NAMED = 10
"""So many messages or files are named by one check."""


@dataclass(frozen=True)
class Check:
    """What a check came to.

    Args:
        table: `<schema>/<table>` that it is about, as its asset is called.
        name: which check.
        passed: whether all is well.
        is_warning: where it failed, nothing is held up by what it found.
        description: one line; empty where there is nothing to say.
        metadata: numbers and hints by name.
        problems: mistakes in files, each a line with its place; None for a check that looks at no files of the project.
    """

    table: str
    name: str
    passed: bool
    is_warning: bool = False
    description: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] | None = None

    def __str__(self) -> str:
        shown = ", ".join(f"{name}: {value}" for name, value in self.metadata.items() if value)
        return f"{self.table} {self.name} ({' '.join(shown.split())})"


def load_checks(report: LoadReport, ignored: Sequence[IgnoredFile]) -> list[Check]:
    """Of one kind's load: whether every row was taken, and every file of its folder is one that is read.

    Args:
        report: of the load.
        ignored: what lies in `data/landing` and isn't read, as `ignored_files` gives it.
    """
    kind, table = report.kind, f"raw/{report.kind}"
    # What lies beside the kinds' folders has no kind: it is told with the first.
    is_first = kind == LANDING_KINDS[0]
    unread = [file for file in ignored if file.path.startswith(f"{kind}/") or (is_first and file.is_stray)]
    rejected = {"rejected": report.rejected, "look_at": "raw.rejected_rows"}
    unlisted = {"ignored": len(unread), "first": str(unread[0]) if unread else ""}
    return [
        Check(table, NOTHING_REJECTED, not report.rejected, is_warning=True, metadata=rejected),
        Check(table, NOTHING_IGNORED, not unread, is_warning=True, metadata=unlisted),
    ]


def sequences_check(errors: Sequence[Problem]) -> Check:
    """Whether every sequence file validates; a broken one leaves its sequence as it last was (S2)."""
    problems = tuple(str(error) for error in errors)
    return Check(
        "raw/sequences",
        FILES_ARE_VALID,
        not problems,
        description="; ".join(problems),
        metadata={"errors": len(problems), "first": problems[0] if problems else ""},
        problems=problems,
    )


def intake_check(report: IntakeReport) -> Check:
    """Whether every intake model was landed as a whole; one that wasn't holds up nothing else."""
    problems = tuple(str(problem) for problem in report.problems)
    return Check(
        "landing/intake",
        MODELS_ARE_LANDED,
        not problems,
        description="; ".join(problems),
        metadata={"errors": len(problems), "first": problems[0] if problems else ""},
        problems=problems,
    )


def segments_check(warehouse: Warehouse) -> Check:
    """Whether every segment model has a result at this tick; sequences that name one without pause (E5)."""
    missing, failures = paused_sequences(warehouse), recorded_failures(warehouse)
    problems = tuple(f"{row['file']}: {row['reason']}" for row in failures)
    return Check(
        "decide/segment_members",
        SEGMENTS_HAVE_RESULTS,
        not problems,
        description="; ".join(problems),
        metadata={"paused": len(missing), "first": str(missing[0]) if missing else ""},
        problems=problems,
    )


def gates_check(warehouse: Warehouse) -> Check:
    """Whether no sequence waits for a gate (G1): what its occurrences and due steps wait for is named."""
    holding = holding_gates(warehouse)
    problems = tuple(f"sequences/{row['sequence_id']}: held by {row['gate']}: {row['reason']}" for row in holding)
    return Check(
        "decide/sequence_gates",
        NO_GATE_HOLDS,
        not problems,
        description="; ".join(problems),
        metadata={"held": len({row["sequence_id"] for row in holding})},
        problems=problems,
    )


def sending_checks(project: Project, warehouse: Warehouse, report: DispatchReport) -> list[Check]:
    """Of a send: whether all was offered to a server, nothing is in doubt, and the delivery journal is whole.

    Raises:
        DripsError: no tick has decided anything yet.
    """
    losses = reported_losses(project, warehouse)
    return [
        _stopped(report),
        _in_doubt(doubts(warehouse)),
        Check("raw/delivery_log", WHOLE, not losses, description="; ".join(losses[:_NAMED])),
    ]


def _stopped(report: DispatchReport) -> Check:
    if report.stopped is None:
        return Check("raw/delivery_log", STOPPED, passed=True)
    hint = "`drips doctor` checks the mail servers; what is left goes with the next tick"
    metadata = {"left_due": report.left_due, "what_to_do": hint}
    return Check("raw/delivery_log", STOPPED, passed=False, description=report.stopped, metadata=metadata)


def _in_doubt(found: Sequence[Doubt]) -> Check:
    if not found:
        return Check("raw/delivery_log", IN_DOUBT, passed=True)
    oldest = ", ".join(doubt.claim.message_id for doubt in found[:_NAMED])
    return Check(
        "raw/delivery_log",
        IN_DOUBT,
        passed=False,
        description=f"in doubt, the oldest first: {oldest}",
        metadata={"in_doubt": len(found), "what_to_do": "`drips resolve` lists them and is told what became of them"},
    )
