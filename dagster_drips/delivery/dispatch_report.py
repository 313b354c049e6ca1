"""What became of a tick's due messages, in numbers and reasons: of one process, or of several together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class DispatchReport:
    """What became of what was due, in messages."""

    due: int = 0
    sent: int = 0
    deferred: int = 0
    bounced: int = 0
    failed: int = 0
    in_doubt: int = 0
    refused: int = 0
    """Suppressed at the moment of sending (L3); they leave no message."""
    exited_at_send: int = 0
    """Of enrollments that have ended by what landed since the tick decided (L1); they leave no message."""
    held: int = 0
    """Left due because the rates of their sender or domain would have let them go too late for this run."""
    only_to: int = 0
    """Left due because `DRIPS_ONLY_TO` lets mail go to others alone."""
    stopped: str | None = None
    """Which servers took no (more) mail, and which senders may not send it, and why; what is left stays due."""
    stops: dict[str, str] = field(default_factory=dict)
    """The same by server and sender."""
    reserved: Counter[str] = field(default_factory=Counter)
    """Sender at a reserved domain → how many of its messages stay due, as they would go to somebody."""

    @property
    def left_due(self) -> int:
        """How many messages no server was asked to take since sending stopped early."""
        ended = self.sent + self.deferred + self.bounced + self.failed + self.in_doubt
        return self.due - ended - self.refused - self.exited_at_send - self.held - self.only_to

    def add_outcomes(self, counts: Mapping[str, int]) -> None:
        """Count so many outcomes more, by kind."""
        for kind, count in counts.items():
            setattr(self, kind, getattr(self, kind) + count)

    def stop(self, stops: Mapping[str, str]) -> None:
        """Note why sending stopped early, by server and sender."""
        self.stops = {**self.stops, **stops}
        self.stopped = "; ".join(self.stops.values()) or None

    def add_reserved(self, counts: Mapping[str, int]) -> None:
        """Count messages that stay due since their sender is an example's, by sender."""
        self.reserved.update(counts)
        self.stop({f"sender {sender}": _reserved(sender, count) for sender, count in self.reserved.items()})


def _reserved(sender: str, count: int) -> str:
    return (
        f"{count} of sender {sender}, which is at a domain reserved for examples (RFC 2606), go to nobody but reserved"
        " domains or a mail server on this machine: give the sequence a sender of yours"
    )
