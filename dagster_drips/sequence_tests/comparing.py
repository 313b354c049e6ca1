"""What a test expects beside what came out: the first difference, tick by tick.

Here belongs matching rows. Why something came out is told by `reasons`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagster_drips.sequence_tests.mails import Mail
from dagster_drips.sequences.tests_file import WrittenTest
from dagster_drips.sequences.tests_schema import resolved

_WORDS = {
    "exits": "exit",
    "enrollments": "enrollment decision",
    "skips": "skip",
    "mails": "mail",
    "completed": "completion",
}
"""In the order of a tick (T4): what comes first may be why something else differs."""
_LONGEST_TEXT = 400


@dataclass(frozen=True)
class Difference:
    """The first thing that is not as expected.

    Args:
        kind: of expectation, or `engagement` of a mail that was not sent.
        at: the tick; None: at no tick of the test.
        lead_id: whom it is about.
        step: of a mail or skip.
        expected: in words; None: nothing.
        got: in words; None: nothing.
        line: of the test file.
        why: the reason, with its rule's id; empty where it needs none.
    """

    kind: str
    at: datetime | None
    lead_id: str
    step: str | None
    expected: str | None
    got: str | None
    line: int
    why: str = ""


@dataclass(frozen=True)
class _Expected:
    kind: str
    row: Any
    at: datetime | None
    line: int

    def is_about(self, happened: Mapping[str, Any], as_of: datetime) -> bool:
        same_step = happened["step"] is None or self.row.step == happened["step"]
        return self.row.lead_id == happened["lead_id"] and same_step and self.at in (None, as_of)


class Comparison:
    """One test's expectations, used up tick by tick.

    Args:
        written: the test.
    """

    def __init__(self, written: WrittenTest):
        self._test = written
        self._left: dict[str, list[_Expected]] = {}
        for kind in _WORDS:
            rows = getattr(written.test.expect, kind)
            if rows is not None:
                self._left[kind] = [self._expected(kind, number, row) for number, row in enumerate(rows)]

    @property
    def wants_mails(self) -> bool:
        """Whether mails have to be rendered."""
        return "mails" in self._left

    def tick(
        self, as_of: datetime, happened: Sequence[Mapping[str, Any]], mails: Mapping[str, Mail]
    ) -> Difference | None:
        """The first difference of this tick.

        Args:
            as_of: the tick's instant.
            happened: what it did, in the order of T4: `kind`, `lead_id`, `step`, `reason`, `arm`, `variant`,
                `sender`, `message_id`.
            mails: what its mails say, by message id.
        """
        for kind, left in self._left.items():
            for row in happened:
                if row["kind"] != kind:
                    continue
                mail = mails.get(row["message_id"]) if kind == "mails" else None
                if found := self._taken(left, row, as_of, mail):
                    return found
            if missing := next((one for one in left if one.at == as_of), None):
                return self._missing(missing)
        return None

    def end(self) -> Difference | None:
        """What was expected at whatever tick and never came."""
        missing = next((one for left in self._left.values() for one in left), None)
        return self._missing(missing) if missing else None

    def _expected(self, kind: str, number: int, row: Any) -> _Expected:
        at = None if row.at is None else resolved(row.at, self._test.test.start)
        return _Expected(kind, row, at, self._test.line_of("expect", kind, number))

    def _taken(
        self, left: list[_Expected], row: Mapping[str, Any], as_of: datetime, mail: Mail | None
    ) -> Difference | None:
        fitting = sorted((one for one in left if one.is_about(row, as_of)), key=lambda one: one.at is None)
        chosen = next((one for one in fitting if not _lacks(one.row, row, mail)), None) or next(iter(fitting), None)
        if chosen is None:
            return Difference(
                row["kind"], as_of, row["lead_id"], row["step"], None, _told(row, mail), self._test.line_of("expect")
            )
        left.remove(chosen)
        lacking = _lacks(chosen.row, row, mail)
        if not lacking:
            return None
        expected, got = (", ".join(part) for part in zip(*lacking, strict=True))
        name = _name(row["kind"], row["lead_id"], row["step"])
        return Difference(
            row["kind"], as_of, row["lead_id"], row["step"], f"{name}: {expected}", f"{name}: {got}", chosen.line
        )

    def _missing(self, missing: _Expected) -> Difference:
        row, kind = missing.row, missing.kind
        told = {"kind": kind, "lead_id": row.lead_id, "step": getattr(row, "step", None)}
        details = {
            "reason": getattr(row, "decision", None) or getattr(row, "reason", None),
            "arm": getattr(row, "arm", None),
            "variant": getattr(row, "variant", None),
        }
        subject = getattr(row, "subject", None)
        mail = Mail(subject=subject) if subject else None
        words = _told({**told, **details}, mail)
        return Difference(kind, missing.at, row.lead_id, told["step"], words, None, missing.line)


def _lacks(wanted: Any, row: Mapping[str, Any], mail: Mail | None) -> list[tuple[str, str]]:
    """(expected, got) of each detail that is another, in words."""
    kind = row["kind"]
    found = []
    if kind == "enrollments" and wanted.decision != row["reason"]:
        found.append((wanted.decision, row["reason"]))
    if kind in ("exits", "skips") and wanted.reason not in (None, row["reason"]):
        found.append((wanted.reason, row["reason"]))
    if kind == "enrollments" and wanted.arm not in (None, row["arm"]):
        found.append((f"arm {wanted.arm}", f"arm {row['arm']}"))
    if kind != "mails":
        return found
    if wanted.variant not in (None, row["variant"]):
        found.append((f"variant {wanted.variant}", f"variant {row['variant']}"))
    if wanted.sender not in (None, row["sender"]):
        found.append((f"sender {wanted.sender}", f"sender {row['sender']}"))
    if mail is None:
        return found
    if mail.error:
        return [*found, ("a mail that can be made", mail.error)]
    if wanted.subject not in (None, mail.subject):
        found.append((f'subject "{wanted.subject}"', f'"{mail.subject}"'))
    for fragment in wanted.contains:
        if not mail.contains(fragment):
            found.append((f'"{fragment}" in it', _cut(f'"{mail.text}"')))
    for fragment in wanted.lacks:
        if mail.contains(fragment):
            found.append((f'no "{fragment}" in it', "it is there"))
    return found


def _name(kind: str, lead_id: str, step: str | None) -> str:
    return f"{_WORDS[kind]} of {lead_id}" if step is None else f"{_WORDS[kind]} {step} to {lead_id}"


def _told(row: Mapping[str, Any], mail: Mail | None) -> str:
    name = _name(row["kind"], row["lead_id"], row["step"])
    details = [
        row["reason"],
        f"arm {row['arm']}" if row["arm"] else None,
        f"variant {row['variant']}" if row["variant"] else None,
        f'subject "{mail.subject}"' if mail and mail.subject else None,
        mail.error if mail and mail.error else None,
    ]
    given = ", ".join(detail for detail in details if detail)
    return f"{name}: {given}" if given else name


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} …"
