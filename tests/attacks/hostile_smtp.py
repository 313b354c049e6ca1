"""A mail server on 127.0.0.1 that is polite until one state of a connection, and there does one thing that it must not.

The states and the things are data, so that every thing is tried in every state.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

STATES = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "RSET", "QUIT")
PROPER = {
    "greeting": b"220 mx.example ESMTP\r\n",
    "EHLO": b"250-mx.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go on\r\n",
    "BODY": b"250 2.0.0 queued\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}
WORDS = {"EHLO": b"EHLO", "MAIL": b"MAIL", "RCPT": b"RCPT", "DATA": b"DATA", "RSET": b"RSET", "QUIT": b"QUIT"}
HOLD_SECONDS = 20.0
"""How long a connection is held that is never to go on; far longer than any run of these tests waits."""

Act = Callable[["Talk", bytes], bool]
"""Does one thing, knowing the proper reply; whether the connection goes on after it."""


class Talk:
    """One connection, seen from the server."""

    def __init__(self, connection: socket.socket, stop: threading.Event):
        self.connection = connection
        self._stop = stop
        self._heard = b""
        self.whole = b""
        """The last message."""
        self.first = b""
        """What was said first since somebody asked."""

    def say(self, data: bytes) -> None:
        self.first = self.first or data
        self.connection.sendall(data)

    def line(self) -> bytes:
        return self._until(b"\r\n")

    def body(self) -> bytes:
        return self._until(b"\r\n.\r\n")

    def hold(self) -> bool:
        """Neither go on nor hang up, until the test is over."""
        self._stop.wait(HOLD_SECONDS)
        return False

    def repeat(self, data: bytes, every: float = 0.0) -> bool:
        """Say the same again and again, until the test is over or nobody listens."""
        ends_at = time.monotonic() + HOLD_SECONDS
        with contextlib.suppress(OSError):
            while not self._stop.wait(every) and time.monotonic() < ends_at:
                self.say(data)
        return False

    def reset(self) -> bool:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        return False

    def _until(self, end: bytes) -> bytes:
        while end not in self._heard:
            data = self.connection.recv(65536)
            if not data:
                raise EOFError
            self._heard += data
        found, _, self._heard = self._heard.partition(end)
        return found


def _says(words: bytes, *, goes_on: bool = True) -> Act:
    def act(talk: Talk, proper: bytes) -> bool:
        talk.say(words)
        return goes_on

    return act


def _proper_and(more: bytes, *, goes_on: bool = True) -> Act:
    """The proper reply and more, in one packet."""

    def act(talk: Talk, proper: bytes) -> bool:
        talk.say(proper + more)
        return goes_on

    return act


def _changed(change: Callable[[bytes], bytes]) -> Act:
    def act(talk: Talk, proper: bytes) -> bool:
        talk.say(change(proper))
        return True

    return act


def _in_pieces(talk: Talk, proper: bytes) -> bool:
    for place in range(len(proper)):
        talk.say(proper[place : place + 1])
    return True


def _half_and(then: Callable[[Talk], bool]) -> Act:
    def act(talk: Talk, proper: bytes) -> bool:
        talk.say(proper[:2])
        return then(talk)

    return act


def _half_closed(talk: Talk, proper: bytes) -> bool:
    talk.connection.shutdown(socket.SHUT_WR)
    return talk.hold()


BEHAVIOURS: dict[str, Act] = {
    # It does not answer.
    "says nothing": lambda talk, _: talk.hold(),
    "hangs up": lambda talk, _: False,
    "resets the connection": lambda talk, _: talk.reset(),
    "closes its half": _half_closed,
    "says half a reply": _half_and(lambda talk: talk.hold()),
    "says half a reply and hangs up": _half_and(lambda talk: False),
    "says half a reply and resets": _half_and(lambda talk: talk.reset()),
    "drips a byte now and then": lambda talk, _: talk.repeat(b"2", every=0.01),
    "drips continuation lines": lambda talk, _: talk.repeat(b"250-wait\r\n", every=0.01),
    "says lines without end": lambda talk, _: talk.repeat(b"250-and more\r\n" * 100),
    "says a line without end": lambda talk, _: talk.repeat(b"2" * 4096),
    "says line ends without end": lambda talk, _: talk.repeat(b"\r\n" * 1000),
    "says carriage returns only": _changed(lambda proper: proper.replace(b"\n", b"")),
    # It says what nobody understands.
    "says garbage": _says(b"\x8f\xfe\x00\x16\x03\x01\xff\xff" * 20 + b"\r\n"),
    "says NUL": _says(b"\0" * 100 + b"\r\n"),
    "says an empty line": _says(b"\r\n"),
    "says words": _says(b"what do you want?\r\n"),
    "says 1xx": _says(b"150 about to open\r\n"),
    "says 000": _says(b"000 nothing\r\n"),
    "says 999": _says(b"999 no\r\n"),
    "says a code of four": _says(b"2500 ok\r\n"),
    "speaks HTTP": _says(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", goes_on=False),
    "contradicts itself": _says(b"250-fine\r\n550 5.1.1 not fine\r\n"),
    "continues with words": _says(b"250-fine\r\nand well\r\n"),
    "sends escape sequences": _says(b"450 4.2.0 \x1b[2J\x1b]0;owned\x07\x9b31m\xc2\x9b1m \xe2\x80\xaelater\r\n"),
    # It refuses.
    "says 421": _says(b"421 4.3.2 shutting down\r\n"),
    "says 421 and hangs up": _says(b"421 4.3.2 shutting down\r\n", goes_on=False),
    "says 450": _says(b"450 4.2.1 later\r\n"),
    "says 550": _says(b"550 5.7.1 no\r\n"),
    "says 550 and hangs up": _says(b"550 5.7.1 no\r\n", goes_on=False),
    "says 554 of a list": _says(b"554 5.7.1 Client host [192.0.2.1] blocked using dnsbl.example\r\n"),
    "wants a login": _says(b"530 5.7.0 authentication required\r\n"),
    # It says something else, or more.
    "says 250": _says(b"250 ok\r\n"),
    "says 354": _says(b"354 go on\r\n"),
    "says 220": _says(b"220 hello again\r\n"),
    "says it twice": _changed(lambda proper: proper * 2),
    "says it three times": _changed(lambda proper: proper * 3),
    "goes on with 421": _proper_and(b"421 4.3.2 shutting down\r\n"),
    "goes on with 421 and hangs up": _proper_and(b"421 4.3.2 shutting down\r\n", goes_on=False),
    "goes on with 250": _proper_and(b"250 ok\r\n"),
    "goes on with 354": _proper_and(b"354 go on\r\n"),
    "goes on with 550": _proper_and(b"550 5.1.1 no such user\r\n"),
    "goes on with half a reply": _proper_and(b"25"),
    "goes on with garbage": _proper_and(b"\xff\xfe\r\n"),
    "goes on and hangs up": _proper_and(b"", goes_on=False),
    "goes on with lines without end": lambda talk, proper: (talk.say(proper), talk.repeat(b"250-more\r\n" * 100))[1],
    # It is odd, and right.
    "says it in pieces": _in_pieces,
    "says it with bare line feeds": _changed(lambda proper: proper.replace(b"\r\n", b"\n")),
    "says it at length": _changed(lambda proper: proper[:4] + b"x" * 900 + proper[4:]),
    "says it in Latin-1": _changed(lambda proper: proper[:4] + b"gr\xfc\xdfe " + proper[4:]),
}


@dataclass
class Arrival:
    """A whole message that the server has got, and whether it refused it for all to hear."""

    message_id: str
    refused: bool = False


class HostileServer:
    """Does the thing in that state of its first `times` connections that come to it, and is polite elsewhere."""

    def __init__(self, state: str, act: Act | None, *, times: int = 1_000):
        self._state, self._act, self._times = state, act, times
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.arrivals: list[Arrival] = []
        self.misdeeds = 0

    @property
    def perhaps_accepted(self) -> Counter[str]:
        """How often each message may have been taken: whole, and not refused."""
        return Counter(arrival.message_id for arrival in self.arrivals if not arrival.refused)

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError):
            talk = Talk(connection, self._stop)
            for state in self._states(talk):
                if not self._answer(talk, state):
                    return

    def _states(self, talk: Talk) -> Iterator[str]:
        yield "greeting"
        state = ""
        while state != "QUIT":
            if state == "DATA":
                talk.whole = talk.body()
                state = "BODY"
                yield state
                continue
            line = talk.line().upper()
            state = next((name for name, word in WORDS.items() if line.startswith(word)), "MAIL")
            yield state

    def _answer(self, talk: Talk, state: str) -> bool:
        proper = PROPER[state]
        with self._lock:
            misbehaves = state == self._state and self._act is not None and self.misdeeds < self._times
            self.misdeeds += misbehaves
        arrival = Arrival(self._arrived_on(talk)) if state == "BODY" else None
        if arrival:
            self.arrivals.append(arrival)
        if not misbehaves or self._act is None:
            talk.say(proper)
            return True
        talk.first = b""
        try:
            return self._act(talk, proper)
        finally:
            if arrival:
                arrival.refused = talk.first[:1] in (b"4", b"5") and talk.first[:3].isdigit()

    @staticmethod
    def _arrived_on(talk: Talk) -> str:
        found = re.search(rb"^Message-ID: <([^@>]+)", talk.whole, re.MULTILINE | re.IGNORECASE)
        return found.group(1).decode() if found else "?"
