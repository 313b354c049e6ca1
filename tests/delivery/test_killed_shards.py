"""Whichever process of a send in shards is killed, at whatever moment: no message is accepted twice, none is lost.

The process that has the warehouse, one of those that send, or all at once; the mail server is a real one.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from smtp.servers import ScriptedServer

from dagster_drips.delivery.batch import batches
from dagster_drips.delivery.delivery_journal import Result, deliveries
from dagster_drips.project import Project
from dagster_drips.warehouse.port import open_warehouse
from dagster_drips.warehouse.statements import named_statements

from .test_crashes import fill, outcomes, records

pytestmark = pytest.mark.slow

MESSAGES = 200
SHARDS = 4
CONNECTIONS = 8
VICTIMS = ("first", "shard", "all")
MOMENTS = ("start", "body", "clock")
SEED = 16
SCRIPT = Path(__file__).with_name("sending_process.py")
STATEMENTS = named_statements(Path(__file__).with_name("more_due.sql"))


@dataclass(frozen=True)
class Blow:
    """Whom to kill and when: at a moment of the protocol, once so many messages of this run arrived.

    `start`: `share` of a second after the run began, wherever its processes are then. `body`: the server has a whole
    message and has not answered. `clock`: `share` of 30 ms later.
    """

    victim: str
    moment: str
    arrived: int
    share: float


class Executioner:
    """Strikes the run at hand when its moment has come."""

    def __init__(self) -> None:
        self.arrived = 0
        self._lock = threading.Lock()
        self._run = 0
        self._blow: Blow | None = None
        self._chance = random.Random(SEED)

    def hook(self, _envelope: object) -> None:
        """For the server: called with each message before it is answered, in the server's thread."""
        self.arrived += 1
        blow = self._blow
        if blow and self.arrived >= blow.arrived:
            if blow.moment == "body":
                self.strike(blow)
            elif blow.moment == "clock":
                threading.Timer(blow.share * 0.03, self.strike, [blow]).start()

    def aim(self, run: int, blow: Blow) -> None:
        self.arrived = 0
        self._run, self._blow = run, blow
        if blow.moment == "start":
            threading.Timer(blow.share, self.strike, [blow]).start()

    def strike(self, blow: Blow) -> None:
        with self._lock:
            if self._blow is not blow:
                return
            run, self._blow = self._run, None
            with contextlib.suppress(ProcessLookupError):
                if blow.victim == "all":
                    os.killpg(run, signal.SIGKILL)
                elif blow.victim == "first":
                    os.kill(run, signal.SIGKILL)
                elif senders := _children(run):
                    os.kill(self._chance.choice(senders), signal.SIGKILL)


def _children(process: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def blows() -> list[Blow]:
    """Each victim at each moment, in random order."""
    chance = random.Random(SEED)
    pairs = [(victim, moment) for victim in VICTIMS for moment in MOMENTS]
    chance.shuffle(pairs)
    return [Blow(*pair, chance.randrange(10, 80), chance.random()) for pair in pairs]


def add(project: Project, number: int) -> set[str]:
    """So many messages more are due; their ids."""
    first = number * MESSAGES + 1
    with open_warehouse(project.warehouse) as warehouse:
        for name in ("due_steps", "leads"):
            warehouse.execute(STATEMENTS[name], {"first": first, "after": first + MESSAGES})
    return {f"{one:032x}" for one in range(first, first + MESSAGES)}


def test_a_kill_of_any_process_of_four_shards_doubles_nothing_and_loses_nothing(project):
    due = fill(project, MESSAGES)
    executioner = Executioner()
    ends: Counter[tuple[str, int]] = Counter()
    with (
        ScriptedServer(on_data=executioner.hook) as server,
        subprocess.Popen(
            [sys.executable, SCRIPT, project.root, server.url, str(CONNECTIONS), str(SHARDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        ) as starter,
    ):
        assert starter.stdin and starter.stdout
        for number, blow in enumerate([*blows(), None], start=1):
            due |= add(project, number)
            starter.stdin.write(b"\n")
            run = int(starter.stdout.readline())
            if blow:
                executioner.aim(run, blow)
            ended = int(starter.stdout.readline())
            ends[blow.victim if blow else "none", ended] += 1
        starter.stdin.close()
    # A run whose first process is killed dies of it; one that loses a shard goes on and ends well.
    moments = len(MOMENTS)
    assert ends == {("first", -9): moments, ("all", -9): moments, ("shard", 0): moments, ("none", 0): 1}

    found = outcomes(project)
    accepted = Counter(server.accepted)
    assert accepted.total() == len(accepted)
    assert set(found) == due
    assert {tuple(kinds) for kinds in found.values()} <= {("sent",), ("in_doubt",)}
    sent = {message_id for message_id, kinds in found.items() if kinds == ["sent"]}
    assert sent <= set(accepted) <= set(found)
    assert batches(project) == []
    for path in deliveries(project).iterdir():
        in_doubt = [record for record in records(path) if isinstance(record, Result) and record.outcome == "in_doubt"]
        assert len(in_doubt) <= CONNECTIONS // SHARDS


def test_two_sends_in_shards_at_once_send_nothing_twice(project):
    due = fill(project, 200)
    with ScriptedServer() as server:
        command = [sys.executable, SCRIPT, project.root, server.url, "4", "2"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as other:
            for starter in (one, other):
                assert starter.stdin and starter.stdout
                starter.stdin.write(b"\n")
                starter.stdin.close()
                starter.stdout.readline()
            assert [int(starter.stdout.readline()) for starter in (one, other)] == [0, 0]
    assert sorted(server.accepted) == sorted(due)
