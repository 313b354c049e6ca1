"""The client's side of SMTP transactions as a state machine: bytes in, events out, no sockets (RFC 5321 3.3).

With PIPELINING (RFC 2920) the three commands of an envelope go out at once, and the next message's envelope goes with
a body, so that a message costs one round trip. A body is only ever sent after the server's 354, and only when its owner
says so: until then no server can have taken the message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from dagster_drips.mail.message import OutgoingMessage
from dagster_drips.mail.outcome import Outcome, Reply, Stage, lost, outcome_of

Owner = TypeVar("Owner")

_LONGEST_REPLY = 100_000
_ANSWERS: dict[Stage, int] = {"MAIL": 2, "RCPT": 2, "DATA": 3}


@dataclass(frozen=True)
class WantsBody(Generic[Owner]):
    """The server waits for this message's body: `send_body` is next."""

    owner: Owner


@dataclass(frozen=True)
class Answered(Generic[Owner]):
    """This message's transaction is over."""

    owner: Owner
    outcome: Outcome


@dataclass(frozen=True)
class Untouched(Generic[Owner]):
    """The connection ended before the server said anything of this message: another connection may send it."""

    owner: Owner


Event = WantsBody[Owner] | Answered[Owner] | Untouched[Owner]


@dataclass
class _Transaction(Generic[Owner]):
    owner: Owner
    message: OutgoingMessage
    accepted: bool = False
    """MAIL was answered with 250."""
    refusal: Outcome | None = None


class Dialogue(Generic[Owner]):
    """One connection's transactions, one after another; at most one message is between its body and the answer.

    Args:
        extensions: what the server's EHLO offers, in lower case.
    """

    def __init__(self, extensions: Collection[str]):
        self.pipelining = "pipelining" in extensions
        self.smtputf8 = "smtputf8" in extensions
        self.output = bytearray()
        """What is to be sent; `taken` says how much was."""
        self.ended = False
        """The server said goodbye, or something that can't be read: nothing more can be done here."""
        self._heard = bytearray()
        self._lines: list[str] = []
        self._awaited: deque[Stage | Literal["RSET"]] = deque()
        self._envelope: _Transaction[Owner] | None = None
        self._finishing: _Transaction[Owner] | None = None
        self._wants_body = False
        self._needs_reset = False
        self._answered = 0
        self._queued = 0
        self._sent = 0
        self._end_of_body = 0

    @property
    def can_begin(self) -> bool:
        """Whether another message may begin."""
        if self.ended or self._envelope is not None:
            return False
        return self._finishing is None or self.pipelining

    @property
    def is_idle(self) -> bool:
        """Whether no message is on its way."""
        return self._envelope is None and self._finishing is None and not self._awaited

    @property
    def awaits_final_answer(self) -> bool:
        """Whether a whole message went out and its answer is next."""
        return self._finishing is not None

    def begin(self, owner: Owner, message: OutgoingMessage) -> Answered[Owner] | None:
        """Begin a transaction; only when `can_begin`. An answer at once means that it can't be sent here."""
        if message.needs_smtputf8 and not self.smtputf8:
            problem = "the address is not ASCII and the server does not offer SMTPUTF8 (RFC 6531)"
            return Answered(owner, Outcome("failed", detail=problem))
        self._envelope = _Transaction(owner, message)
        # A server that refuses a body may keep its envelope open (Postfix does); whether it will isn't known yet.
        if self._needs_reset or self._finishing is not None:
            self._needs_reset = False
            self._say("RSET", b"RSET\r\n")
        self._say("MAIL", _mail(message))
        if self.pipelining:
            self._say("RCPT", f"RCPT TO:<{message.recipient}>\r\n".encode())
            self._say("DATA", b"DATA\r\n")
        return None

    def send_body(self) -> None:
        """Send the body that the server waits for; whoever calls this has noted that the message is on its way."""
        assert self._envelope is not None and self._wants_body, "only after WantsBody"
        self._finishing, self._envelope, self._wants_body = self._envelope, None, False
        data = self._finishing.message.data.replace(b"\r\n.", b"\r\n..")  # dot-stuffing, RFC 5321 4.5.2
        self._say("BODY", b"%b%b.\r\n" % (b"." if data.startswith(b".") else b"", data))
        self._end_of_body = self._queued

    def taken(self, count: int) -> None:
        """So many bytes of `output` were handed to the network."""
        del self.output[:count]
        self._sent += count

    def receive(self, data: bytes) -> list[Event[Owner]]:
        """What the server's bytes mean."""
        self._heard += data
        events: list[Event[Owner]] = []
        for reply in self._replies():
            if self.ended:
                break
            events.extend(self._take(reply))
        return events

    def lose(self, reason: str) -> list[Event[Owner]]:
        """The connection is gone; what becomes of the messages that were on their way."""
        self.ended = True
        events: list[Event[Owner]] = []
        finishing, envelope = self._finishing, self._envelope
        self._finishing = self._envelope = None
        if finishing is not None and self._sent >= self._end_of_body:
            text = lost("before the server's answer", reason)
            events.append(Answered(finishing.owner, Outcome("in_doubt", detail=text, lost_connection=True)))
        elif finishing is not None:  # its final dot never left this machine
            text = lost("in DATA", reason)
            events.append(Answered(finishing.owner, Outcome("deferred", detail=text, lost_connection=True)))
        if envelope is not None:
            where = f"in {next((stage for stage in self._awaited if stage in _ANSWERS), 'DATA')}"
            events.append(
                self._abandoned(envelope, Outcome("deferred", detail=lost(where, reason), lost_connection=True))
            )
        return events

    def _abandoned(self, envelope: _Transaction[Owner], outcome: Outcome) -> Event[Owner]:
        """An envelope that came to nothing because the connection did."""
        if envelope.refusal is not None:
            return Answered(envelope.owner, envelope.refusal)
        # A server may end a connection that it finds old or long enough: that says nothing of the next message.
        if self._answered and not envelope.accepted:
            return Untouched(envelope.owner)
        return Answered(envelope.owner, outcome)

    def _say(self, awaited: Stage | Literal["RSET"], data: bytes) -> None:
        self.output += data
        self._queued += len(data)
        self._awaited.append(awaited)

    def _replies(self) -> Iterator[Reply]:
        while (end := self._heard.find(b"\n")) >= 0:
            line = self._heard[:end].decode("utf-8", "replace").strip()
            del self._heard[: end + 1]
            readable = line[:3].isascii() and line[:3].isdigit() and line[3:4] in ("", " ", "-")
            self._lines.append(line[4:] if readable else line)
            if not readable or line[3:4] != "-":
                text, self._lines = " ".join(" ".join(self._lines).split()), []
                yield Reply(int(line[:3]) if readable else -1, text)
        if len(self._heard) > _LONGEST_REPLY:
            yield Reply(-1, "a reply without an end")

    def _take(self, reply: Reply) -> list[Event[Owner]]:
        if not self._awaited:  # unasked: a goodbye, as when the server shuts down
            self.ended = True
            return []
        stage = self._awaited.popleft()
        if stage == "RSET":
            return [] if reply.code // 100 == 2 else self._goodbye(reply)
        if stage == "BODY":
            return self._take_final(reply)
        envelope = self._envelope
        assert envelope is not None, "replies follow commands"
        if reply.is_goodbye:
            return self._goodbye(reply, stage)
        if reply.code // 100 == _ANSWERS[stage]:
            if stage == "MAIL":
                envelope.accepted = True
            elif stage == "DATA":
                return self._take_data(envelope)
        elif envelope.refusal is None:
            envelope.refusal = outcome_of(stage, reply)
        return self._go_on(envelope, stage)

    def _take_final(self, reply: Reply) -> list[Event[Owner]]:
        finishing, self._finishing = self._finishing, None
        assert finishing is not None, "an answer follows a body"
        outcome = outcome_of("BODY", reply)
        self._answered += 1
        self._needs_reset = self._envelope is None and outcome.outcome != "sent"
        events: list[Event[Owner]] = [Answered(finishing.owner, outcome)]
        # An answer before the final dot was sent, or one that can't be understood: the two no longer talk in step.
        out_of_step = self._sent < self._end_of_body or outcome.lost_connection
        return events + self._goodbye(reply) if out_of_step else events

    def _take_data(self, envelope: _Transaction[Owner]) -> list[Event[Owner]]:
        """The server is ready for a body."""
        if envelope.refusal is None:
            self._wants_body = True
            return [WantsBody(envelope.owner)]
        # It refused the envelope and yet wants a body. An empty one, which RFC 2920 3.1 has for this, could reach
        # somebody: whoever is in an envelope that we thought was closed.
        self.ended = True
        return self._refused(envelope, needs_reset=False)

    def _go_on(self, envelope: _Transaction[Owner], stage: Stage) -> list[Event[Owner]]:
        """After an answer that neither ends the connection nor asks for a body."""
        if self.pipelining:
            return self._refused(envelope, needs_reset=True) if stage == "DATA" else []
        if envelope.refusal is not None:
            return self._refused(envelope, needs_reset=stage != "MAIL")
        if stage == "MAIL":
            self._say("RCPT", f"RCPT TO:<{envelope.message.recipient}>\r\n".encode())
        else:
            self._say("DATA", b"DATA\r\n")
        return []

    def _refused(self, envelope: _Transaction[Owner], *, needs_reset: bool) -> list[Event[Owner]]:
        assert envelope.refusal is not None, "somebody refused it"
        self._envelope = None
        self._needs_reset = needs_reset
        self._answered += 1
        return [Answered(envelope.owner, envelope.refusal)]

    def _goodbye(self, reply: Reply, stage: Stage = "MAIL") -> list[Event[Owner]]:
        self.ended = True
        envelope, self._envelope = self._envelope, None
        if envelope is None:
            return []
        outcome = envelope.refusal or outcome_of(stage, reply)
        return [self._abandoned(envelope, outcome)]


def _mail(message: OutgoingMessage) -> bytes:
    options = " SMTPUTF8 BODY=8BITMIME" if message.needs_smtputf8 else ""
    return f"MAIL FROM:<{message.sender}>{options}\r\n".encode()
