"""Many connections sending at once.

One thread waits for all connections together: a message costs no switch between threads, and its outcome and the next
one's beginning are journaled in one write. Here claimed messages get to connections and outcomes into the journal;
which messages there are is decided in `queue`, what is said on a connection in `smtp.protocol`, what is in a message in
`composer`, when a server is given up in `smtp.circuit_breaker`.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from dagster_drips.delivery.delivery_journal import DeliveryJournal, Record, Result, Sending
from dagster_drips.delivery.pooled_connection import PooledConnection, Server
from dagster_drips.delivery.queue import QueuedMessage
from dagster_drips.delivery.rate_limits import RateLimiter
from dagster_drips.delivery.retries import result_of
from dagster_drips.errors import DripsError
from dagster_drips.message.mime import OutgoingMessage
from dagster_drips.settings import SmtpServer
from dagster_drips.smtp.circuit_breaker import CircuitBreaker
from dagster_drips.smtp.connections import Connection, ServerUnavailable, close_all, reason_of
from dagster_drips.smtp.connector import Connector
from dagster_drips.smtp.deadlines import Deadlines
from dagster_drips.smtp.outcomes import Outcome
from dagster_drips.smtp.protocol import Answered, Event, SmtpProtocol, Untouched

More = Callable[[], list[QueuedMessage]]
_LONGEST_WAIT = 1.0


class ConnectionPool:
    """The connections of one run.

    Args:
        servers: by the names that messages' routes use.
        size: connections at most, for each server.
        journal: where outcomes go.
        rate_limiter: connections a sender or a domain may use.
        compose: a message's bytes, or why it can't be sent.
        now: the time to record, naive UTC; asked now and then, in between a clock of this process runs on.
        on_outcome: called with each outcome's kind.
        timeout: seconds to wait for each reply; `Deadlines` says what else follows from it.
        final_timeout: seconds to wait for the answer to a whole message.
    """

    def __init__(
        self,
        servers: Mapping[str, SmtpServer],
        *,
        size: int,
        journal: DeliveryJournal,
        rate_limiter: RateLimiter,
        compose: Callable[[QueuedMessage, datetime], OutgoingMessage | Outcome],
        now: Callable[[], datetime],
        on_outcome: Callable[[str], None],
        timeout: float = 60.0,
        final_timeout: float = 600.0,
    ):
        self._servers = {
            name: Server(name, server, size, CircuitBreaker(server.address)) for name, server in servers.items()
        }
        self._journal = journal
        self._rate_limiter = rate_limiter
        self._compose = compose
        self._now = now
        self._clock = (now(), time.monotonic())
        self._on_outcome = on_outcome
        self._deadlines = Deadlines(reply=timeout, final=final_timeout)
        self._selector = selectors.DefaultSelector()
        self._connector: Connector[Server] = Connector()
        self._selector.register(self._connector, selectors.EVENT_READ)
        self._queue: deque[QueuedMessage] = deque()
        # Connections that may take another message, and those with output to send; dicts for their order.
        self._free: dict[PooledConnection, None] = {}
        self._with_output: dict[PooledConnection, None] = {}
        self._records: list[Record] = []
        self._under_way = 0
        self._deadlines_at = 0.0
        self._look_every = min(_LONGEST_WAIT, timeout / 4, final_timeout / 4)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # What is known is kept; what was about to begin has not begun.
            with suppress(DripsError):
                self._journal.write([record for record in self._records if isinstance(record, Result)])
        self._connector.close()
        connections = [pooled for server in self._servers.values() for pooled in server.connections]
        idle = [
            pooled.connection
            for pooled in connections
            if kind is None and pooled.protocol.is_idle and not pooled.protocol.ended
        ]
        close_all(idle, self._deadlines.closing)
        for pooled in connections:
            pooled.connection.drop()
        self._selector.close()

    @property
    def stopped(self) -> str | None:
        """Why servers get no more, or no more for some domains; None while they get everything."""
        return "; ".join(self.stops.values()) or None

    @property
    def stops(self) -> dict[str, str]:
        """The same by server."""
        breakers = [server.breaker for server in self._servers.values() if server.breaker.reasons]
        return {f"the mail server {breaker.address}": "; ".join(breaker.reasons) for breaker in breakers}

    def is_open(self, names: Sequence[str], domain: str) -> bool:
        """Whether one of these servers takes mail for that domain now, as far as is known."""
        return any(self._servers[name].breaker.takes(domain) for name in names)

    def ready(self, routes: Sequence[Sequence[str]]) -> bool:
        """Whether there is a server for one of the routes; to be asked before anything is claimed.

        The first server of each route that takes us is connected to; what is wrong with the others is in `stopped`.

        Raises:
            DripsError: none takes us, and one of them refused the login or TLS.
        """
        problems: list[DripsError] = []
        for names in routes:
            for name in names:
                server = self._servers[name]
                if server.connections:
                    break
                if server.stopped is None and self._is_reached(server, problems):
                    break
        if any(server.connections for server in self._servers.values()):
            return True
        if problems:
            raise problems[0]
        return False

    def send(self, more: More, next_at: Callable[[], float | None], over: Callable[[], bool] = lambda: False) -> None:
        """Send until nothing is left, or no server takes any more.

        Args:
            more: the next claimed messages, asked for when hardly any are left.
            next_at: when `more` may have some again, on `time.monotonic`; None: never.
            over: whether what was not begun must not begin any more.

        Raises:
            DripsError: the journal can't be written.
        """
        while True:
            self._fill(more, next_at)
            if over():
                self._queue.clear()  # their claims are given back when the run ends
            self._assign()
            self._flush()
            due_at = next_at() if not self._queue else None
            if self._is_at_rest() and (due_at is None or self._all_stopped()):
                return
            self._wait(due_at)

    def _is_at_rest(self) -> bool:
        return not (self._under_way or self._queue or self._records)

    def _all_stopped(self) -> bool:
        return all(server.stopped for server in self._servers.values())

    # Messages to connections ------------------------------------------------------------------------------------

    def _fill(self, more: More, next_at: Callable[[], float | None]) -> None:
        """Claim ahead, so that no connection waits for the disk; hardly more than what is sent at once."""
        wanted = max(1, sum(len(server.connections) for server in self._servers.values()))
        while len(self._queue) < wanted and not self._all_stopped():
            due_at = next_at()
            if due_at is None or due_at > time.monotonic():
                return
            self._clock = (self._now(), time.monotonic())
            self._queue.extend(more())

    def _assign(self) -> None:
        """Give each connection that can take one a message, and open connections for what is left."""
        if self._queue and self.stopped:
            # Claims of what nobody takes any more are given back when the run ends.
            self._queue = deque(queued for queued in self._queue if self._server_of(queued))
        for pooled in list(self._free):
            while pooled.protocol.can_begin and self._queue and self._begin_next(pooled):
                pass
            if not pooled.protocol.can_begin:
                del self._free[pooled]
            if not self._queue:
                break
        if self._queue:
            self._open_more()

    def _begin_next(self, pooled: PooledConnection) -> bool:
        """Begin the first message that may go by this connection; whether there was one."""
        for place, queued in enumerate(self._queue):
            if self._server_of(queued) is pooled.server and self._rate_limiter.has_room(queued.rate_key):
                del self._queue[place]
                self._begin(pooled, queued)
                return True
        return False

    def _begin(self, pooled: PooledConnection, queued: QueuedMessage) -> None:
        composed = self._compose(queued, self._time())
        if isinstance(composed, Outcome):
            self._record(queued, composed)
            return
        answer = pooled.protocol.begin(queued, composed)
        if answer is not None:
            self._record(queued, answer.outcome)
            return
        pooled.was_used = True
        self._with_output[pooled] = None
        self._under_way += 1
        self._rate_limiter.begin(queued.rate_key)

    def _server_of(self, queued: QueuedMessage) -> Server | None:
        """The first server of its route that takes its mail."""
        for name in queued.route.servers:
            server = self._servers[name]
            if server.breaker.takes(queued.rate_key.domain):
                return server
        return None

    # Bytes ------------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Journal what has happened and what is about to; only then let bytes go."""
        if self._records:
            records, self._records = self._records, []
            self._journal.write(records)
        with_output, self._with_output = self._with_output, {}
        for pooled in with_output:
            if not pooled.protocol.ended:
                self._push(pooled)

    def _push(self, pooled: PooledConnection) -> None:
        output = pooled.protocol.output
        try:
            while output:
                count = pooled.connection.send(output)
                if not count:
                    break
                pooled.protocol.taken(count)
        except OSError as error:
            self._lose(pooled, reason_of(error))
            return
        self._watch(pooled)
        if bool(output) != pooled.wants_to_write:
            pooled.wants_to_write = bool(output)
            interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if output else 0)
            self._selector.modify(pooled.connection, interest, pooled)

    def _watch(self, pooled: PooledConnection) -> None:
        """A new wait begins with each whole reply and each new thing to wait for, not with every byte."""
        state = (pooled.protocol.waiting, pooled.protocol.replies)
        if state != pooled.state:
            pooled.state = state
            pooled.deadline = time.monotonic() + self._deadlines.of(pooled.protocol.waiting)

    def _wait(self, due_at: float | None) -> None:
        now = time.monotonic()
        patience = self._look_every if due_at is None else min(self._look_every, max(0.0, due_at - now))
        for key, mask in self._selector.select(patience):
            if key.data is None:
                self._take_opened()
            else:
                if mask & selectors.EVENT_WRITE:
                    self._with_output[key.data] = None
                if mask & selectors.EVENT_READ:
                    self._pull(key.data)
        now = time.monotonic()
        if now >= self._deadlines_at:
            self._deadlines_at = now + self._look_every
            for server in self._servers.values():
                for pooled in list(server.connections):
                    if now > pooled.deadline:
                        self._lose(pooled, "timed out")

    def _pull(self, pooled: PooledConnection) -> None:
        try:
            data = pooled.connection.receive()
        except OSError as error:
            self._lose(pooled, reason_of(error))
            return
        if data is None:
            return
        if not data:
            self._lose(pooled, "the server closed it")
            return
        self._take(pooled, pooled.protocol.receive(data))
        if pooled.protocol.ended:
            self._leave(pooled, "the server ended it")
            return
        self._watch(pooled)
        if pooled.protocol.can_begin:
            self._free[pooled] = None
        if pooled.protocol.output:
            self._with_output[pooled] = None

    def _take(self, pooled: PooledConnection, events: Sequence[Event[QueuedMessage]]) -> None:
        for event in events:
            if isinstance(event, Answered):
                self._done(event.owner)
                self._record(event.owner, event.outcome)
                pooled.server.breaker.judge(event.outcome, event.owner.rate_key.domain)
            elif isinstance(event, Untouched):
                self._done(event.owner)
                self._queue.appendleft(event.owner)
            else:
                due = event.owner.due
                self._records.append(Sending(due.message_id, due.attempt))
                pooled.protocol.send_body()

    def _done(self, queued: QueuedMessage) -> None:
        self._under_way -= 1
        self._rate_limiter.end(queued.rate_key)

    def _lose(self, pooled: PooledConnection, reason: str) -> None:
        self._take(pooled, pooled.protocol.lose(reason))
        self._leave(pooled, reason)

    def _leave(self, pooled: PooledConnection, reason: str) -> None:
        server = pooled.server
        if pooled in server.connections:
            server.connections.remove(pooled)
            self._free.pop(pooled, None)
            self._selector.unregister(pooled.connection)
            pooled.connection.drop()
            if not pooled.was_used:
                # The server accepts connections and ends them: as many as there are will do, if there are any.
                server.size = max(1, len(server.connections))
                if not server.connections:
                    server.breaker.dropped(reason)

    # Outcomes ---------------------------------------------------------------------------------------------------

    def _record(self, queued: QueuedMessage, outcome: Outcome) -> None:
        result = result_of(queued.due, outcome, self._time())
        self._records.append(result)
        self._on_outcome(result.outcome)

    def _time(self) -> datetime:
        began, at = self._clock
        return (began + timedelta(seconds=time.monotonic() - at)).replace(microsecond=0)

    # Connections ------------------------------------------------------------------------------------------------

    def _is_reached(self, server: Server, problems: list[DripsError]) -> bool:
        connection = Connection(server.settings, timeout=self._deadlines.reply)
        try:
            connection.open()
        except ServerUnavailable as error:
            server.breaker.stop(str(error))
            return False
        except DripsError as error:
            server.breaker.stop(error.message)
            problems.append(error)
            return False
        self._join(server, connection)
        return True

    def _join(self, server: Server, connection: Connection) -> None:
        connection.go_on_without_waiting()
        pooled = PooledConnection(server, connection, SmtpProtocol(connection.extensions))
        server.connections.append(pooled)
        self._free[pooled] = None
        self._selector.register(connection, selectors.EVENT_READ, pooled)

    def _open_more(self) -> None:
        """Connections for messages that wait, as many as are allowed."""
        for server in self._servers.values():
            if server.stopped is not None or len(server.connections) + server.opening >= server.size:
                continue
            wanted = sum(self._server_of(queued) is server for queued in self._queue)
            for _ in range(min(wanted, server.size - len(server.connections)) - server.opening):
                server.opening += 1
                self._connector.open(Connection(server.settings, timeout=self._deadlines.reply), server)

    def _take_opened(self) -> None:
        for server, connection, error in self._connector.opened():
            server.opening -= 1
            if error is None:
                self._join(server, connection)
            elif isinstance(error, (ServerUnavailable, DripsError)):
                # As many as there are will do, if there are any.
                server.size = max(1, len(server.connections))
                if not server.connections and not server.opening:
                    server.breaker.stop(str(error))
            else:
                raise error
