"""Whatever ends a sending run, at any moment: no message is accepted twice, none is lost, few are in doubt.

Processes are killed, the power fails, the disk is full, two run at once; the mail server is a real one.
"""

import contextlib
import os
import random
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from smtp.servers import ScriptedServer

from dagster_drips.delivery import delivery_journal as journal_module
from dagster_drips.delivery.delivery_journal import Result, Sending, boot_id, deliveries, read_records
from dagster_drips.delivery.dispatch import dispatch
from dagster_drips.delivery.ingestion import fold
from dagster_drips.errors import DripsError
from dagster_drips.warehouse.port import open_warehouse

from .conftest import AS_OF, WALL, World

pytestmark = pytest.mark.slow

MESSAGES = 3000
BATCH = 200
KILLS = 60
CONNECTIONS = 4
SEED = 4
MOMENTS = ("start", "envelope", "recipient", "body", "journal", "clock")
SCRIPT = Path(__file__).with_name("sending_process.py")


@dataclass(frozen=True)
class Blow:
    """When to kill a run: at a moment of the protocol, once so many messages arrived in all.

    `start`: `share` of a third of a second after the run began, wherever it is then. `envelope`, `recipient`: the
    server was told MAIL or RCPT. `body`: it has the whole message and has not answered. `journal`: the run's journal
    grew by `share` of 4,000 bytes. `clock`: `share` of 10 ms later.
    """

    moment: str
    arrived: int
    share: float


class Runs:
    """Sending runs one after another, each of which can be struck dead; `hooks` are the server's."""

    def __init__(self, project, url: str):
        self._folder = deliveries(project)
        self._starter = subprocess.Popen(
            [sys.executable, SCRIPT, project.root, url, str(CONNECTIONS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._starter.stdin and self._starter.stdout
        self._orders, self._answers = self._starter.stdin, self._starter.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._starter.communicate()

    def start(self) -> int:
        self._orders.write(b"\n")
        return int(self._answers.readline())

    def ended(self, seconds: float = 0.0) -> bool:
        return bool(select.select([self._answers], [], [], seconds)[0])

    def status(self) -> int:
        return int(self._answers.readline())

    def journal_size(self) -> int:
        return sum(path.stat().st_size for path in self._folder.glob("[!.]*.jsonl"))


class Executioner:
    """Strikes the run at hand when its moment has come."""

    def __init__(self):
        self.arrived = 0
        self._process = 0
        self._blow: Blow | None = None
        self._lock = threading.Lock()

    def hook(self, moment: str):
        """For the server: called at that moment of the protocol, in the server's thread."""

        def seen(_) -> None:
            self.arrived += moment == "body"
            blow = self._blow
            if blow and blow.moment == moment and self.arrived >= blow.arrived:
                self.strike()

        return seen

    def aim(self, process: int, blow: Blow, runs: Runs) -> None:
        """Wait until the run is dead, or has ended by itself."""
        self._process, self._blow = process, blow
        began, size, due_at = time.monotonic(), runs.journal_size(), 0.0
        while not runs.ended(0.0005):
            if blow.moment == "start":
                is_due = time.monotonic() - began >= blow.share / 3
            elif self.arrived < blow.arrived:
                size, is_due = runs.journal_size(), False
            elif blow.moment == "journal":
                is_due = runs.journal_size() >= size + blow.share * 4000
            else:
                due_at = due_at or time.monotonic() + blow.share / 100
                is_due = blow.moment == "clock" and time.monotonic() >= due_at
            if is_due:
                self.strike()
        self._blow = None

    def strike(self) -> None:
        with self._lock:
            process, self._process = self._process, 0
            if process:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def blows() -> list[Blow]:
    """Each moment equally often, in random order, at random points of the batch."""
    chance = random.Random(SEED)
    moments = [*MOMENTS] * (KILLS // len(MOMENTS))
    chance.shuffle(moments)
    points = sorted(chance.sample(range(1, MESSAGES - 500), KILLS))
    return [Blow(moment, point, chance.random()) for moment, point in zip(moments, points, strict=True)]


def fill(project, messages: int) -> set[str]:
    """A project's warehouse with so many messages due; their ids."""
    with open_warehouse(project.warehouse) as warehouse:
        world = World(project, warehouse)
        world.add_version()
        world.add_leads(messages)
        return {row["message_id"] for row in warehouse.rows("select message_id from decide.due_steps")}


def outcomes(project) -> dict[str, list[str]]:
    """What the log has of each message."""
    found: dict[str, list[str]] = {}
    with open_warehouse(project.warehouse) as warehouse:
        fold(project, warehouse)
        for row in World(project, warehouse).log():
            found.setdefault(row["message_id"], []).append(row["outcome"])
    return found


def records(path: Path) -> list:
    with path.open("rb") as file:
        return [record for some in read_records(file) for record in some]


def test_sixty_kills_at_random_moments_double_nothing_lose_nothing_and_leave_a_doubt_a_connection_at_most(project):
    due = fill(project, MESSAGES)
    executioner = Executioner()
    hooks = {name: executioner.hook(moment) for name, moment in
             (("on_mail", "envelope"), ("on_rcpt", "recipient"), ("on_data", "body"))}  # fmt: skip
    killed: Counter[str] = Counter()
    with ScriptedServer(**hooks) as server, Runs(project, server.url) as runs:
        for blow in blows():
            executioner.aim(runs.start(), blow, runs)
            status = runs.status()
            assert status in (0, -signal.SIGKILL)
            killed[blow.moment] += status != 0
        runs.start()
        assert runs.status() == 0
    assert killed == dict.fromkeys(MOMENTS, KILLS // len(MOMENTS))

    found = outcomes(project)
    accepted = Counter(server.accepted)
    assert accepted.total() == len(accepted)
    assert set(found) == due
    assert {tuple(kinds) for kinds in found.values()} <= {("sent",), ("failed",), ("in_doubt",)}
    sent = {message_id for message_id, kinds in found.items() if kinds == ["sent"]}
    assert sent <= set(accepted) <= {message_id for message_id, kinds in found.items() if kinds != ["failed"]}
    # the server had these whole when the sender was killed
    assert len(set(accepted) - sent) >= killed["body"]
    for path in deliveries(project).iterdir():
        in_doubt = [record for record in records(path) if isinstance(record, Result) and record.outcome == "in_doubt"]
        assert len(in_doubt) <= CONNECTIONS


def test_two_runs_at_once_send_nothing_twice(project):
    due = fill(project, 300)
    with ScriptedServer() as server, Runs(project, server.url) as one, Runs(project, server.url) as other:
        one.start()
        other.start()
        assert (one.status(), other.status()) == (0, 0)
    assert sorted(server.accepted) == sorted(due)
    assert set(map(tuple, outcomes(project).values())) == {("sent",)}


@pytest.mark.skipif(not boot_id(), reason="this system does not name its uptime")
def test_after_a_power_cut_what_lost_its_outcome_is_in_doubt_and_never_sent_again(world, settings_for, monkeypatch):
    world.add_version()
    world.add_leads(2 * BATCH + 100)
    on_disk: dict[Path, int] = {}
    cut: dict[str, Any] = {}
    sync = os.fsync

    def noted_sync(descriptor: int) -> None:
        sync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        on_disk[path.with_name(path.name.lstrip("."))] = os.fstat(descriptor).st_size

    def cut_the_power_at(envelope) -> None:
        if len(server.messages) == BATCH + 150:
            [path] = deliveries(world.project).glob("[!.]*.jsonl")
            cut.update(accepted=[*server.accepted], left=path.read_bytes()[: on_disk[path]], path=path)

    monkeypatch.setattr(journal_module.os, "fsync", noted_sync)
    with ScriptedServer(on_data=cut_the_power_at) as server:
        send(world, settings_for(server.url))
    # The machine as it starts anew: the warehouse knows nothing of the run, the journal ends where it was synced.
    cut["path"].write_bytes(cut["left"].replace(boot_id().encode(), b"another-uptime") + bytes(100))
    world.warehouse.execute("delete from raw.delivery_log; delete from journal.folded_deliveries")
    with ScriptedServer() as after:
        send(world, settings_for(after.url))

    found = world.outcomes()
    in_doubt = {message_id for message_id, kind in found.items() if kind == "in_doubt"}
    assert len(found) == 2 * BATCH + 100
    assert not set(cut["accepted"]) & set(after.accepted)
    # The batch claimed last, and what each of two connections had in flight or in line when it was claimed.
    assert 150 <= len(in_doubt) <= BATCH + 4 * 2
    assert set(cut["accepted"]) <= {message_id for message_id, kind in found.items() if kind == "sent"} | in_doubt


def test_a_disk_that_fills_up_stops_sending_before_anything_unrecorded_and_the_next_run_goes_on(world, settings_for):
    world.add_version()
    world.add_leads(BATCH + 50)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def almost_fill(envelope) -> None:
        if len(server.messages) == 40:
            [path] = deliveries(world.project).glob("[!.]*.jsonl")
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 3000, limits[1]))

    try:
        with (
            ScriptedServer(on_data=almost_fill) as server,
            pytest.raises(DripsError, match="sending stopped"),
        ):
            send(world, settings_for(server.url))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    [path] = deliveries(world.project).glob("[!.]*.jsonl")
    begun = {record.message_id for record in records(path) if isinstance(record, Sending)}
    assert 40 < len(server.accepted) < BATCH
    assert set(server.accepted) <= begun
    with ScriptedServer() as after:
        send(world, settings_for(after.url))
    kinds = Counter(world.outcomes().values())
    assert not set(server.accepted) & set(after.accepted)
    assert kinds["sent"] + kinds["in_doubt"] == len(world.outcomes()) == BATCH + 50
    assert kinds["in_doubt"] <= 2
    assert set(world.outcomes()) == set(server.accepted) | set(after.accepted) | {
        message_id for message_id, kind in world.outcomes().items() if kind == "in_doubt"
    }


def test_a_disk_without_room_for_the_claims_sends_nothing(world, settings_for):
    world.add_version()
    world.add_leads(50)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ScriptedServer() as server:
        try:
            with pytest.raises(DripsError, match="can't be written"):
                send(world, settings_for(server.url), refresh=lambda: resource.setrlimit(
                    resource.RLIMIT_FSIZE, (5000, limits[1])))  # fmt: skip
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert server.accepted == []
        assert send(world, settings_for(server.url)).sent == 50
        assert len(server.accepted) == 50


def send(world: World, settings, **options):
    return dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL, **options)
