"""How long a mail server is waited for: a limit for every state of a connection, in all and not since the last byte.

Only the numbers. `connections` keeps to those of opening and closing, `delivery.connection_pool` to the others;
`protocol` says which applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Waiting = Literal["nothing", "reply", "transfer", "final"]
"""What a connection waits for: nothing; the reply to a command; the network to take a body; the answer to a message."""


@dataclass(frozen=True)
class Deadlines:
    """Seconds. A server that sends a byte now and then gains nothing by it: only whole replies begin a new wait."""

    reply: float = 60.0
    """For each reply to MAIL, RCPT, DATA and RSET; while opening, for one address of the server and for TLS."""
    final: float = 600.0
    """For the answer to a whole message; RFC 5321 4.5.3.2.6 asks for 10 minutes: giving up early leaves it in doubt."""

    @property
    def opening(self) -> float:
        """Connecting, TLS, greeting, EHLO and login together."""
        return 2 * self.reply

    @property
    def transfer(self) -> float:
        """For a whole body to be handed to the network."""
        return self.final

    @property
    def closing(self) -> float:
        """For all connections together to answer QUIT."""
        return min(5.0, self.reply)

    def of(self, waiting: Waiting) -> float:
        """How long a connection may wait for that; for nothing, as long as the run has other work."""
        if waiting == "nothing":
            return float("inf")
        return {"reply": self.reply, "transfer": self.transfer, "final": self.final}[waiting]


DEADLINES = Deadlines()
"""Those of real runs."""
