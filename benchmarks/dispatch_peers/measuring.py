"""A process from its start to its end: wall clock, CPU and peak memory, of it and of the processes it makes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from binascii import b2a_qp
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dispatch_peers import content
from dispatch_peers.servers import smtp_tool

_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Measurement:
    """What one candidate took for its messages.

    `sending_…` is told by the candidate itself, without its start; `whole_…` is seen from outside. Peak memory is the
    sum of its processes' own peaks (VmHWM), so shared pages count more than once.
    """

    title: str
    messages: int
    whole_seconds: float
    whole_cpu_seconds: float
    sending_seconds: float
    sending_cpu_seconds: float
    peak_mib: float
    laps: dict[str, float] = field(default_factory=dict)
    note: str | None = None

    def rates(self, ours: Measurement) -> dict[str, float]:
        """Figures a message, and how many times ours they are."""
        seconds, cpu = self.sending_seconds / self.messages, self.sending_cpu_seconds / self.messages
        return {
            "messages_per_second": 1 / seconds,
            "cpu_ms_per_message": cpu * 1_000,
            "whole_messages_per_second": self.messages / self.whole_seconds,
            "whole_cpu_ms_per_message": self.whole_cpu_seconds / self.messages * 1_000,
            "time_ratio": seconds / (ours.sending_seconds / ours.messages),
            "cpu_ratio": cpu / (ours.sending_cpu_seconds / ours.messages),
        }


def measure_script(
    title: str,
    python: Path,
    script: Path,
    folder: Path,
    port: int,
    messages: int,
    connections: int,
    options: Sequence[str] = (),
) -> Measurement:
    """Prepare a candidate's folder, then let it send; see `reporting` for how a script is called."""
    _run([str(python), str(script), "prepare", str(folder), str(messages)], title)
    command = [str(python), str(script), "send", str(folder), str(port), str(connections), str(messages), *options]
    run = _run(command, title)
    told = json.loads(run.output.splitlines()[-1])
    if told["sent"] != messages:
        raise SystemExit(f"{title}: {told['sent']} of {messages} messages sent; {told['note'] or run.errors[-2_000:]}")
    return Measurement(
        title=title,
        messages=messages,
        whole_seconds=run.seconds,
        whole_cpu_seconds=run.cpu_seconds,
        sending_seconds=told["seconds"],
        sending_cpu_seconds=told["cpu_seconds"],
        peak_mib=max(run.peak_mib, told["peak_kib"] / 1_024),
        laps=told["laps"],
        note=told["note"],
    )


def measure_ceiling(title: str, port: int, messages: int, connections: int) -> Measurement:
    """Postfix's own load generator: bytes of about our messages' size, made by nobody."""
    size = sum(len(b2a_qp(path.read_bytes(), istext=True)) for path in (content.HTML, content.TEXT))
    command = [
        *(smtp_tool("smtp-source"), "-4", "-d", "-s", str(min(connections, messages)), "-m", str(messages)),
        *("-l", str(size), "-f", content.SENDER, "-t", "lead@mail.example", f"127.0.0.1:{port}"),
    ]
    run = _run(command, title)
    return Measurement(title, messages, run.seconds, run.cpu_seconds, run.seconds, run.cpu_seconds, run.peak_mib)


@dataclass(frozen=True)
class _Run:
    output: str
    errors: str
    seconds: float
    cpu_seconds: float
    peak_mib: float


def _run(command: list[str], title: str) -> _Run:
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        # A group of its own, so that whatever it starts can be ended with it.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
        )
        watch = _MemoryWatch(process.pid)
        try:
            watch.start()
            # Not reaped yet, so its number can't have become another's when its group is ended.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            seconds = time.perf_counter() - began
        finally:
            watch.stop()
            os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        run = _Run(output.read(), errors.read(), seconds, usage.ru_utime + usage.ru_stime, watch.peak_mib)
    if process.returncode:
        raise SystemExit(f"{title} failed ({process.returncode}): {' '.join(command)}\n{run.errors[-2_000:]}")
    return run


class _MemoryWatch(threading.Thread):
    """Reads the peak memory of a process and of its descendants until it is told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._peaks: dict[int, int] = {}
        self._over = threading.Event()

    @property
    def peak_mib(self) -> float:
        return sum(self._peaks.values()) / 1_024

    def stop(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.is_set():
            self._look(self._pid)
            self._over.wait(_SAMPLE_SECONDS)

    def _look(self, pid: int) -> None:
        # Processes come and go while we look.
        with suppress(OSError, ValueError):
            status = Path(f"/proc/{pid}/status").read_text()
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    self._peaks[pid] = max(self._peaks.get(pid, 0), int(line.split()[1]))
            for task in Path(f"/proc/{pid}/task").iterdir():
                for child in (task / "children").read_text().split():
                    self._look(int(child))
