"""What a connection pool holds: mail servers, and the open connections to each.

Only state, and how many connections a server gets. What is done with it, and when, is in `connection_pool`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dagster_drips.delivery.queue import QueuedMessage
from dagster_drips.settings import SmtpServer
from dagster_drips.smtp.circuit_breaker import CircuitBreaker
from dagster_drips.smtp.connections import Connection
from dagster_drips.smtp.deadlines import Waiting
from dagster_drips.smtp.protocol import SmtpProtocol


@dataclass(eq=False)
class PooledConnection:
    """An open connection with the state of its protocol."""

    server: Server
    connection: Connection
    protocol: SmtpProtocol[QueuedMessage]
    state: tuple[Waiting, int] = ("nothing", 0)
    """What was waited for when it was last looked at, and after how many replies."""
    deadline: float = float("inf")
    wants_to_write: bool = False
    was_used: bool = False
    """A message was begun on it."""


@dataclass(eq=False)
class Server:
    """One mail server with its connections, and how it behaves."""

    name: str
    settings: SmtpServer
    size: int
    breaker: CircuitBreaker
    connections: list[PooledConnection] = field(default_factory=list)
    opening: int = 0

    @property
    def stopped(self) -> str | None:
        """Why it gets no more."""
        return self.breaker.stopped
