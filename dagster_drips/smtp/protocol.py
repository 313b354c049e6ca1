"""The client's side of SMTP transactions as a state machine: bytes in, events out, no sockets (RFC 5321 3.3).

With PIPELINING (RFC 2920) the three commands of an envelope go out at once, and the next message's envelope goes with
a body, so that a message costs one round trip. A body is only ever sent after the server's 354, and only when its owner
says so: until then no server can have taken the message.

Whatever a server says, and whenever, every message that was begun gets exactly one of `Answered` and `Untouched`, at
the latest when the connection has ended. A reply to what was not sent yet, or to nothing, ends it: the two are no
longer in step, and a shifted reply could be taken for that of another message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Literal, NamedTuple, TypeVar

from dagster_drips.message.mime import OutgoingMessage
from dagster_drips.smtp.deadlines import Waiting
from dagster_drips.smtp.outcomes import Outcome, Reply, Stage, cut, lost, outcome_of
from dagster_drips.smtp.reply_text import shown

Owner = TypeVar("Owner")

LONGEST_REPLY = 65_536
"""Bytes of one reply, all its lines together; a server that says more is no longer listened to."""

_LONGEST_TEXT = 2_000
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


class _RawReply(NamedTuple):
    """A reply as it came; most are never looked at beyond their code."""

    code: int
    words: bytes

    @property
    def reply(self) -> Reply:
        return Reply(self.code, shown(self.words, _LONGEST_TEXT))


@dataclass
class _Transaction(Generic[Owner]):
    owner: Owner
    message: OutgoingMessage
    accepted: bool = False
    """MAIL was answered with 250."""
    refusal: Outcome | None = None


class SmtpProtocol(Generic[Owner]):
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
        """The server ended the connection, or sent what can't be read: nothing more can be sent on it."""
        self._received = bytearray()
        self._lines: list[bytes] = []
        self._length = 0
        self._awaited: deque[tuple[Stage | Literal["RSET"], int]] = deque()
        """What is to be answered, each with the place in all output at which it ends."""
        self._envelope: _Transaction[Owner] | None = None
        self._finishing: _Transaction[Owner] | None = None
        self._wants_body = False
        self._announced = False
        self._needs_reset = False
        self._answered = 0
        self._queued = 0
        self._sent = 0
        self._end_of_body = 0
        self.replies = 0
        """How many were taken."""

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
    def waiting(self) -> Waiting:
        """What is waited for, so that there can be a limit to it."""
        if self._finishing is not None:
            return "final" if self._sent >= self._end_of_body else "transfer"
        return "nothing" if self.is_idle else "reply"

    def begin(self, owner: Owner, message: OutgoingMessage) -> Answered[Owner] | None:
        """Begin a transaction; only when `can_begin`. An answer at once means that it can't be sent here."""
        if message.needs_smtputf8 and not self.smtputf8:
            problem = "the address is not ASCII and the server does not offer SMTPUTF8 (RFC 6531)"
            return Answered(owner, Outcome("failed", detail=problem))
        self._envelope = _Transaction(owner, message)
        # A server that refuses a body may keep its envelope open (Postfix does); whether it will isn't known yet.
        if self._needs_reset or self._finishing is not None:
            self._needs_reset = False
            self._send("RSET", b"RSET\r\n")
        self._send("MAIL", _mail(message))
        if self.pipelining:
            self._send("RCPT", f"RCPT TO:<{message.recipient}>\r\n".encode())
            self._send("DATA", b"DATA\r\n")
        return None

    def send_body(self) -> None:
        """Send the body that the server waits for; whoever calls this has noted that the message is on its way.

        Raises:
            RuntimeError: it waits for none: a body that follows no 354 could be taken for commands (RFC 5321 4.1.1.4).
        """
        if self._envelope is None or not self._wants_body:
            raise RuntimeError("a message's body follows nothing but the server's 354")
        self._finishing, self._envelope = self._envelope, None
        self._wants_body = self._announced = False
        data = self._finishing.message.data.replace(b"\r\n.", b"\r\n..")  # dot-stuffing, RFC 5321 4.5.2
        self._send("BODY", b"%b%b.\r\n" % (b"." if data.startswith(b".") else b"", data))
        self._end_of_body = self._queued

    def taken(self, count: int) -> None:
        """So many bytes of `output` were handed to the network."""
        del self.output[:count]
        self._sent += count

    def receive(self, data: bytes) -> list[Event[Owner]]:
        """What the server's bytes mean; nothing once it has ended."""
        if self.ended:
            return []
        self._received += data
        events: list[Event[Owner]] = []
        for raw in self._replies():
            self.replies += 1
            events.extend(self._take(raw))
            if self.ended:
                self._received.clear()
                return events
        # Reported only now: a 421 right behind it, in the same bytes, takes it back.
        if self._wants_body and not self._announced and self._envelope is not None:
            self._announced = True
            events.append(WantsBody(self._envelope.owner))
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
            where = f"in {next((stage for stage, _ in self._awaited if stage in _ANSWERS), 'DATA')}"
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

    def _send(self, awaited: Stage | Literal["RSET"], data: bytes) -> None:
        self.output += data
        self._queued += len(data)
        self._awaited.append((awaited, self._queued))

    def _replies(self) -> Iterator[_RawReply]:
        """Whole replies; one without an end counts as one that can't be read."""
        while (end := self._received.find(b"\n")) >= 0 and self._length + end <= LONGEST_REPLY:
            line = bytes(self._received[:end]).rstrip()
            del self._received[: end + 1]
            code = _code_of(line)
            if code < 0 or line[3:4] != b"-":
                if not self._lines:
                    yield _RawReply(code, line[4:] if code >= 0 else line)
                    continue
                lines, self._lines, self._length = [*self._lines, line], [], 0
                yield _joined(lines)
            else:
                self._length += end + 1
                self._lines.append(line)
        if self._length + len(self._received) > LONGEST_REPLY:
            self._lines, self._length = [], 0
            yield _RawReply(-1, b"a reply without an end")

    def _take(self, raw: _RawReply) -> list[Event[Owner]]:
        if not self._awaited:  # unsolicited: a 421, as when the server shuts down
            return self._close(raw.reply, out_of_turn=True)
        stage, sent_at = self._awaited.popleft()
        if stage == "BODY":
            return self._take_final(raw.reply)
        if self._sent < sent_at:
            return self._close(raw.reply, out_of_turn=True)
        kind = raw.code // 100
        if stage == "RSET":
            return [] if kind == 2 else self._close(raw.reply)
        envelope = self._envelope
        assert envelope is not None, "replies follow commands"
        if kind == _ANSWERS[stage]:
            if stage == "MAIL":
                envelope.accepted = True
            elif stage == "DATA":
                return self._take_data(envelope)
        else:
            reply = raw.reply
            if reply.closes_connection:
                return self._close(reply, stage)
            if envelope.refusal is None:
                envelope.refusal = outcome_of(stage, reply)
        return self._go_on(envelope, stage)

    def _take_final(self, reply: Reply) -> list[Event[Owner]]:
        finishing, self._finishing = self._finishing, None
        assert finishing is not None, "an answer follows a body"
        outcome = outcome_of("BODY", reply)
        # An answer before the final dot was sent, or one that can't be understood: the two no longer talk in step.
        is_early = self._sent < self._end_of_body
        if is_early and outcome.outcome == "sent":  # what it has taken, if anything, nobody can know
            text = f"the server said {reply.code} before it had the whole message: {reply.text}"
            outcome = Outcome("in_doubt", reply.code, detail=cut(text), lost_connection=True)
        self._answered += 1
        self._needs_reset = self._envelope is None and outcome.outcome != "sent"
        events: list[Event[Owner]] = [Answered(finishing.owner, outcome)]
        out_of_step = is_early or outcome.lost_connection
        return events + self._close(reply) if out_of_step else events

    def _take_data(self, envelope: _Transaction[Owner]) -> list[Event[Owner]]:
        """The server is ready for a body."""
        if envelope.refusal is None:
            self._wants_body = True
            return []
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
            self._send("RCPT", f"RCPT TO:<{envelope.message.recipient}>\r\n".encode())
        else:
            self._send("DATA", b"DATA\r\n")
        return []

    def _refused(self, envelope: _Transaction[Owner], *, needs_reset: bool) -> list[Event[Owner]]:
        assert envelope.refusal is not None, "somebody refused it"
        self._envelope = None
        self._needs_reset = needs_reset
        self._answered += 1
        return [Answered(envelope.owner, envelope.refusal)]

    def _close(self, reply: Reply, stage: Stage = "MAIL", *, out_of_turn: bool = False) -> list[Event[Owner]]:
        """The connection ends with this reply; an open envelope came to nothing, as no body has followed it."""
        self.ended = True
        envelope, self._envelope, self._wants_body = self._envelope, None, False
        if envelope is None:
            return []
        if out_of_turn and not reply.closes_connection:
            outcome = Outcome("deferred", reply.code, detail=cut(f"the server spoke out of turn: {reply.text}"))
        else:
            outcome = outcome_of(stage, reply)
        return [self._abandoned(envelope, replace(outcome, lost_connection=True))]


def _code_of(line: bytes) -> int:
    """The reply code at a line's beginning (RFC 5321 4.2); -1 where there is none."""
    code = line[:3]
    return int(code) if len(code) == 3 and code.isdigit() and line[3:4] in (b"", b" ", b"-") else -1


def _joined(lines: list[bytes]) -> _RawReply:
    """A reply of several lines; those that don't agree (RFC 5321 4.2.1) are as good as none."""
    codes = [_code_of(line) for line in lines]
    words = b" ".join(line[4:] if code >= 0 else line for code, line in zip(codes, lines, strict=True))
    agree = len({code // 100 for code in codes}) == 1
    return _RawReply(codes[-1] if agree else -1, words)


def _mail(message: OutgoingMessage) -> bytes:
    options = " SMTPUTF8 BODY=8BITMIME" if message.needs_smtputf8 else ""
    return f"MAIL FROM:<{message.sender}>{options}\r\n".encode()
