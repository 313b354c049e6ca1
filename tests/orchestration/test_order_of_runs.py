"""Two decides and the runs that finish their ticks, in every order in which a queue may let them go.

Schedule and sensor start decides as they like, and other runs may stand between a decide and the run that the due-steps
sensor asked for. Whatever the order, all that is due goes out at once, by the run of the later tick.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from conftest import copy_project
from shop_runs import PEOPLE, CountingServer, Shop, definitions_of, metadata_of

from dagster_drips.orchestration.names import DELIVERY_LOG, DUE_STEPS
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

SEQUENCE = """
name: Welcome
status: active
active_from: 2026-01-01
sender: {name: Ada, email: ada@acme.example}
trigger: {event: lead_created}
steps:
  - {id: hello, subject: Hello, template: mail.html}
"""
# d1, d2: the decides; f1, f2: the runs that the sensor started for them.
ORDERS = [("d1", "f1", "d2", "f2"), ("d1", "d2", "f1", "f2"), ("d1", "d2", "f2", "f1")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("order")
    (folder / "sequences" / "welcome").mkdir(parents=True)
    (folder / "sequences" / "welcome" / "sequence.yml").write_text(SEQUENCE)
    (folder / "sequences" / "welcome" / "mail.html").write_text("<html><body><p>Hello</p></body></html>")
    (folder / "segments").mkdir()
    project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
    (project.landing / "leads").mkdir(parents=True)
    with CountingServer() as server, dg.DagsterInstance.ephemeral() as instance:
        shop = Shop(project, instance, server)
        shop.use(server.url)
        yield shop


class Daemon:
    """What the daemon does between runs: it asks the sensor, whose run requests wait in a queue."""

    def __init__(self, shop: Shop):
        self._shop = shop
        self._definitions = definitions_of(str(shop.project.root))
        self._cursor = self._request()[1]

    def _request(self, cursor: str | None = None) -> tuple[list[dg.RunRequest], str | None]:
        context = dg.build_sensor_context(
            self._shop.instance, cursor=cursor, repository_def=self._definitions.get_repository_def()
        )
        tick = self._definitions.resolve_sensor_def("due_steps").evaluate_tick(context)
        return list(tick.run_requests or []), tick.cursor

    def asked(self) -> dg.RunRequest:
        """The one run that the sensor asks for now."""
        [request], self._cursor = self._request(self._cursor)
        return request

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        assert request.job_name is not None
        done = self._shop.execute(request.job_name, tags=dict(request.tags))
        assert done.success, [event.message for event in done.all_events if event.is_step_failure]
        return done


def _decide(shop: Shop, due: int, as_of: str) -> None:
    done = shop.execute("decide", as_of)
    assert done.success
    assert metadata_of(done, DUE_STEPS)["due"] == due


def _sent(run: dg.ExecuteInProcessResult) -> int:
    keys = [event.asset_key for event in run.all_events if event.is_step_materialization]
    return metadata_of(run, DELIVERY_LOG)["sent"] if DELIVERY_LOG in keys else 0


def _phases(shop: Shop, as_of: str) -> list[str]:
    with open_warehouse(shop.project.warehouse, read_only=True) as warehouse:
        rows = warehouse.rows(
            "select phase from journal.ticks where as_of = cast(? as timestamp) order by recorded_at", [as_of[:-1]]
        )
    return [row["phase"] for row in rows]


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
@pytest.mark.parametrize("first_due", [0, PEOPLE], ids=["nothing due first", "some due first"])
def test_in_whatever_order_runs_leave_the_queue_all_is_sent_by_the_last_decides_own(
    shop: Shop, order: tuple[str, ...], first_due: int
) -> None:
    daemon = Daemon(shop)
    waiting: dict[str, dg.RunRequest] = {}
    sent: dict[str, int] = {}
    instants: dict[str, str] = {}
    for name in order:
        match name:
            case "d1":
                instants[name] = shop.land() if first_due else _later(shop)
                _decide(shop, first_due, instants[name])
                waiting["f1"] = daemon.asked()
            case "d2":
                instants[name] = shop.land()
                left = 0 if "f1" in sent else first_due
                _decide(shop, left + PEOPLE, instants[name])
                waiting["f2"] = daemon.asked()
            case _:
                sent[name] = _sent(daemon.run(waiting[name]))
    overtaken = order.index("d2") < order.index("f1")
    assert waiting["f1"].job_name == ("send" if first_due else "measure")
    assert sent == ({"f1": 0, "f2": first_due + PEOPLE} if overtaken else {"f1": first_due, "f2": PEOPLE})
    assert _phases(shop, instants["d1"]) == (["decided"] if overtaken else ["decided", "finished"])
    assert _phases(shop, instants["d2"]) == ["decided", "finished"]
    assert shop.accepted().total() == len(shop.people)
    assert shop.new_doubts() == set()


@pytest.mark.parametrize("order", [("f1", "f2"), ("f2", "f1")], ids=" ".join)
def test_a_tick_that_is_repeated_with_its_own_instant_is_finished_by_the_repetitions_run(
    shop: Shop, order: tuple[str, ...]
) -> None:
    daemon = Daemon(shop)
    as_of = _later(shop)
    _decide(shop, 0, as_of)
    waiting = {"f1": daemon.asked()}
    shop.day -= 1
    assert shop.land() == as_of
    _decide(shop, PEOPLE, as_of)
    waiting["f2"] = daemon.asked()
    sent = {name: _sent(daemon.run(waiting[name])) for name in order}
    assert sent == {"f1": 0, "f2": PEOPLE}
    assert shop.new_doubts() == set()


def test_a_run_without_the_tags_finishes_the_tick_that_is_there(shop: Shop) -> None:
    shop.decide()
    assert _sent(shop.execute("send")) == PEOPLE


def _later(shop: Shop) -> str:
    """The next tick's instant, with nobody new."""
    shop.day += 1
    return f"2026-03-{shop.day:02}T08:00:00Z"
