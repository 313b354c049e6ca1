"""Mails judged by a process of their own: what one is may cost a second of CPU, and can neither cost more nor harm.

Reading mails is linear work and bounded (`mime`), as far as we know. Anybody may send a mail, and parsers of others
read it, so the kernel ends what takes longer: the worker sets a timer of CPU time before each mail. A mail whose worker
died is reported as broken, and the next one gets a new worker. What a mail is belongs to `classification`.
"""

from __future__ import annotations

import resource
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

import msgspec

from dagster_drips.inbox.classification import Finding, classify
from dagster_drips.inbox.mime import header, parse

CPU_SECONDS = 1.0
"""What judging one mail may cost."""
_MEMORY_BYTES = 2 * 1024**3
_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True)
class Judgement:
    """What a mail is, and what else is kept of it. `finding` is None where it can't be read: `error` says why."""

    finding: Finding | None
    mail_id: str = ""
    """The header Message-ID."""
    author: str = ""
    subject: str = ""
    error: str | None = None


class Judge:
    """Judges mails while it is entered."""

    def __init__(self, *, cpu_seconds: float = CPU_SECONDS):
        self._cpu_seconds = cpu_seconds
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def judge(self, data: bytes) -> Judgement:
        """What a mail is; never an error for what is in it."""
        worker = self._worker or self._started()
        assert worker.stdin and worker.stdout
        try:
            _write(worker.stdin, data)
            answer = _read(worker.stdout)
        except OSError:
            answer = None
        if answer is None:
            return Judgement(None, error=self._end())
        return msgspec.json.decode(answer, type=Judgement)

    def _started(self) -> subprocess.Popen[bytes]:
        command = (sys.executable, "-m", "dagster_drips.inbox.judging", str(self._cpu_seconds))
        self._worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._worker

    def _end(self) -> str:
        """End the worker; how it ended by itself, in words."""
        worker, self._worker = self._worker, None
        if worker is None:
            return "no worker"
        if worker.stdin:
            worker.stdin.close()
        code = worker.wait()
        if worker.stdout:
            worker.stdout.close()
        if code == -signal.SIGPROF:
            return f"it takes more than {self._cpu_seconds:g} s of CPU to read"
        return f"reading it ended a process with {code}"


def judged(data: bytes) -> Judgement:
    """What a mail is, in this process."""
    try:
        message = parse(data)
        return Judgement(
            classify(message), header(message, "Message-ID"), header(message, "From"), header(message, "Subject")
        )
    # Nobody knows what a mail can be: a library that fails over one must not keep the others from being read.
    except Exception as error:
        return Judgement(None, error=f"{type(error).__name__}: {error}"[:500])


def _write(stream: IO[bytes], content: bytes) -> None:
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def _plain(judgement: Judgement) -> bytes:
    """As JSON; what is no character in UTF-8 is replaced."""

    def clean(value: object) -> object:
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

    fields = {name: clean(value) for name, value in vars(judgement).items()}
    if judgement.finding is not None:
        fields["finding"] = {name: clean(value) for name, value in vars(judgement.finding).items()}
    return msgspec.json.encode(fields)


def main() -> None:
    """Answer mails from stdin until it ends."""
    seconds = float(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    # Loaded before the clock runs for the first mail.
    judged(b"Subject: Unsubscribe\n\nUnsubscribe\n")
    while (data := _read(sys.stdin.buffer)) is not None:
        # Its signal ends the process, wherever it is.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = _plain(judged(data))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(sys.stdout.buffer, answer)


if __name__ == "__main__":
    main()
