"""Mail servers that do anything at all, in every state of a connection: the run ends, with every message accounted for.

Nothing is sent twice, nothing is lost: what a server may have taken is sent or in doubt, never to be sent again by
itself, and what it can't have taken is put off, failed, or still due.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from dagster_drips.delivery.connection_pool import Crew
from dagster_drips.delivery.delivery_journal import DeliveryJournal, Record, Released, Result, read_records
from dagster_drips.delivery.queue import Item
from dagster_drips.delivery.rate_limits import Lane, Pace
from dagster_drips.delivery.routes import Route
from dagster_drips.message.mime import OutgoingMessage
from dagster_drips.project import Project
from dagster_drips.settings import SmtpServer
from dagster_drips.smtp.connections import Connection, ServerUnavailable
from dagster_drips.templating.templates import RenderError

from .hostile_smtp import BEHAVIOURS, STATES, Act, HostileServer, Talk

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 3, 2, 9, 0)
MESSAGES = 4
NOT_FOREVER = 60.0
"""Seconds after which a run is taken to hang; ten times what the slowest takes."""
DONE = ("sent", "in_doubt", "bounced", "failed")


def run(project: Project, port: int, ids: list[str], *, connections: int = 2, patience: float = 0.1) -> list[Record]:
    """Send these messages, in a thread of its own that has to end; what was journaled."""
    path: list[Path] = []
    failure: list[BaseException] = []

    def send() -> None:
        try:
            path.append(_send(project, port, ids, connections, patience))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(NOT_FOREVER)
    assert not thread.is_alive(), "the run hangs"
    if failure:
        raise failure[0]
    return list(_records(path[0]))


def _send(project: Project, port: int, ids: list[str], connections: int, patience: float) -> Path:
    batches = [[_item(name) for name in ids]]
    with DeliveryJournal(project, now=lambda: AS_OF) as journal:
        crew = Crew(
            {"default": SmtpServer("plain", "127.0.0.1", port)},
            size=connections,
            journal=journal,
            pace=Pace({}, {}),
            compose=lambda item, _: item.due["message"],
            now=lambda: AS_OF,
            on_outcome=lambda kind: None,
            timeout=patience,
            final_timeout=patience,
        )
        with crew:
            if crew.ready([("default",)]):
                crew.send(batches.pop, lambda: 0.0 if batches else None)
    return journal.path


def _item(name: str) -> Item:
    data = f"Message-ID: <{name}@acme.example>\r\nSubject: x\r\n\r\n.\r\nwords\r\n".encode()
    message = OutgoingMessage(name, "a@acme.example", f"{name}@example.org", False, data)
    due = {"message_id": name, "attempt": 1, "as_of": AS_OF, "message": message}
    return Item(due, RenderError(""), Route(("default",)), Lane("a@acme.example", "example.org"))


def _records(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        for records in read_records(file):
            for record in records:
                assert record is not None
                yield record


def outcomes(records: list[Record]) -> dict[str, str]:
    """What became of each message; those that are missing are still due. No message has two ends."""
    ends = Counter(record.message_id for record in records if isinstance(record, Result))
    assert not [name for name, count in ends.items() if count > 1]
    return {record.message_id: record.outcome for record in records if isinstance(record, Result)}


def new_project(folder: Path) -> Project:
    for name in ("sequences", "dbt_project"):
        (folder / name).mkdir(parents=True)
    return Project.at(folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return new_project(tmp_path)


def each_at_once(judge: Callable[[str, Project], str | None], folder: Path) -> dict[str, str]:
    """The faults of each behaviour; most of the time is waiting, so that many are tried together."""

    def one(behaviour: str) -> str | None:
        return judge(behaviour, new_project(folder / behaviour.replace(" ", "-")))

    with ThreadPoolExecutor(16) as pool:
        return {name: fault for name, fault in zip(BEHAVIOURS, pool.map(one, BEHAVIOURS), strict=True) if fault}


@pytest.mark.parametrize("state", STATES)
def test_whatever_a_server_does_the_run_ends_and_accounts_for_every_message(state: str, tmp_path: Path) -> None:
    ids = [f"m{number}" for number in range(MESSAGES)]

    def judge(behaviour: str, project: Project) -> str | None:
        # On a machine that is busy the run may give up before the server gets to its state: then with more patience.
        for patience in (0.1, 0.5, 2.0, 8.0):
            with HostileServer(state, BEHAVIOURS[behaviour]) as server:
                place = new_project(project.root / f"patience-{patience}")
                first = outcomes(run(place, server.port, ids, patience=patience))
                perhaps = server.perhaps_accepted
            if server.misdeeds:
                break
        else:
            return "it never came to that"
        if max(perhaps.values(), default=0) > 1:
            return "taken twice"
        for name in ids:
            outcome = first.get(name, "still due")
            if perhaps[name] and outcome not in ("sent", "in_doubt"):
                return f"{name} may have been taken, and is {outcome}"
            if outcome == "sent" and not perhaps[name] and behaviour not in LIARS:
                return f"{name} is sent, and nobody has it"
        # What may go again goes, once, to a server that is well.
        again = [name for name in ids if first.get(name) not in DONE]
        with HostileServer("none", None) as polite:
            second = outcomes(run(place, polite.port, again, patience=30.0)) if again else {}
            if second != dict.fromkeys(again, "sent") or polite.perhaps_accepted != Counter(again):
                return f"what was left did not go: {second}"
        return None

    assert not each_at_once(judge, tmp_path)


LIARS = frozenset({"says it three times", "goes on with 250", "says 250", "says it twice"})
"""They say that they have a message before they can; those words and true ones can't be told apart."""


@pytest.mark.parametrize("state", ["DATA", "BODY"])
def test_a_server_that_errs_once_gets_the_rest(state: str, tmp_path: Path) -> None:
    ids = [f"m{number}" for number in range(MESSAGES)]

    def judge(behaviour: str, project: Project) -> str | None:
        with HostileServer(state, BEHAVIOURS[behaviour], times=1) as server:
            found = outcomes(run(project, server.port, ids, connections=1, patience=1.0))
            if max(server.perhaps_accepted.values(), default=0) > 1:
                return "taken twice"
        # The message at hand, and the next one if it went out with it.
        stays = behaviour == "wants a login" or Counter(found.values())["sent"] >= MESSAGES - 2
        return None if stays else str(found)

    assert not each_at_once(judge, tmp_path)


def _then(words: bytes) -> Act:
    def act(talk: Talk, proper: bytes) -> bool:
        talk.say(proper + words)
        return talk.hold()

    return act


@pytest.mark.parametrize("words", [b"421 4.3.2 going down\r\n", b"250 ok\r\n", b"354 once more\r\n", b"\r\n", b"x"])
def test_more_than_354_in_one_packet_puts_the_message_off_and_nothing_hangs(project: Project, words: bytes) -> None:
    with HostileServer("DATA", _then(words)) as server:
        found = outcomes(run(project, server.port, ["m1"], connections=1))
        assert not server.arrivals or words == b"x"
    assert found["m1"] == ("in_doubt" if words == b"x" else "deferred")


def test_many_connections_that_never_answer_quit_are_left_together(project: Project) -> None:
    ids = [f"m{number}" for number in range(64)]
    with HostileServer("QUIT", BEHAVIOURS["drips continuation lines"]) as server:
        found = outcomes(run(project, server.port, ids, connections=64, patience=10.0))
    assert found == dict.fromkeys(ids, "sent")


def test_connections_that_are_never_greeted_keep_no_run_from_ending(project: Project) -> None:
    # The first connection is let in, the others are not: what goes over the first is not held up by them.
    class OneGuest(HostileServer):
        def _talk(self, connection) -> None:
            self._state = "greeting" if self.arrived else "none"
            self.arrived = True
            super()._talk(connection)

        arrived = False

    with OneGuest("none", BEHAVIOURS["says nothing"]) as server:
        records = run(project, server.port, [f"m{number}" for number in range(30)], connections=16, patience=10.0)
    assert set(outcomes(records).values()) == {"sent"}
    assert not [record for record in records if isinstance(record, Released)]


@pytest.mark.parametrize("state", ["greeting", "EHLO"])
def test_opening_a_connection_ends_in_an_answer_of_one_line(state: str, tmp_path: Path) -> None:
    def judge(behaviour: str, _: Project) -> str | None:
        with HostileServer(state, BEHAVIOURS[behaviour]) as server:
            connection = Connection(SmtpServer("plain", "127.0.0.1", server.port), timeout=0.2)
            try:
                connection.open()
            except ServerUnavailable as error:
                words = str(error)
                return None if words.isprintable() and len(words) <= 1_000 else words
            finally:
                connection.drop()
        return None

    assert not each_at_once(judge, tmp_path)
