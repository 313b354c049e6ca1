"""Due messages split into shards and sent by processes of their own: what one process would have sent, once each."""

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from smtp.servers import ScriptedServer, closed_port

from dagster_drips.delivery import sharing
from dagster_drips.delivery.batch import Batch, Facts, batch_named, batches
from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.delivery.distributed import close_batch, open_batch
from dagster_drips.delivery.rate_limits import Limit, RateKey
from dagster_drips.delivery.shard_worker import send_shard
from dagster_drips.delivery.shared_rates import SharedRateLimiter
from dagster_drips.delivery.sharing import dealt, shard_of, shards_for
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse.port import open_warehouse

from .conftest import AS_OF, WALL, World

MESSAGES = 60
TEMPLATE = {
    "hello.html": "<p>{{ lead.plan }} {{ event.value }} {{ event.properties.items }} {{ content.offer.price }}</p>"
}
NARROW = RateKey("slow@acme.example", "example.org")


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LEAST_MESSAGES", 1)


def run(world: World, url: str, count: int, **options) -> DispatchReport:
    settings = Settings(smtp_url=url, smtp_connections=6, send_shards=count)
    return dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL, **options)


def fill(world: World) -> None:
    """Messages of leads with a custom field, an event that triggered two of them, and content that was frozen."""
    world.add_version(TEMPLATE, attached=None)
    world.add_leads(MESSAGES)
    for statement in Path(__file__).with_name("shards.sql").read_text().split(";"):
        if statement.strip():
            world.warehouse.execute(statement)


def rows_but_for_times(world: World) -> list[dict]:
    return [{name: value for name, value in row.items() if name != "recorded_at"} for row in world.log()]


def contents(server: ScriptedServer) -> dict[str, str]:
    return {message["X-Drips-Message-Id"]: message.get_body(("html",)).get_content() for message in server.messages}


# What goes where ------------------------------------------------------------------------------------------------------


def test_an_address_is_drawn_as_every_choice_is_and_stays_in_its_shard(world):
    addresses = [f"lead{number}@example.org" for number in range(400)]
    drawn = world.warehouse.rows(
        "select a, floor(('0x' || md5('shard:' || a)[1:8])::bigint / 4294967296 * 4)::int as shard"
        " from (select unnest(?::varchar[]) as a)",
        [addresses],
    )
    assert {row["a"]: row["shard"] for row in drawn} == {address: shard_of(address, 4) for address in addresses}
    assert all(80 < count < 120 for count in Counter(shard_of(address, 4) for address in addresses).values())


def test_connections_are_dealt_out_and_none_is_dealt_twice():
    for count in range(1, 20):
        for among in range(1, count + 1):
            parts = [dealt(count, shard, among) for shard in range(among)]
            assert sum(parts) == count
            assert min(parts) >= 1


def test_a_process_is_started_only_where_there_is_enough_for_it_and_a_connection(monkeypatch):
    monkeypatch.setattr(sharing, "LEAST_MESSAGES", 1000)
    settings = Settings(smtp_connections=3, send_shards=4)
    assert [shards_for(settings, messages) for messages in (0, 1999, 2000, 9999)] == [1, 1, 2, 3]
    assert shards_for(Settings(), 1_000_000) == 1


def test_shards_keep_to_a_rate_together_and_share_connections_out(tmp_path):
    file = tmp_path / "rates"
    file.touch()
    facts = Facts(AS_OF, 0.0, 40, 0, [10, 10, 20], {"sender slow@acme.example": [0.25, 0.25, 0.5]})
    senders = {"slow@acme.example": Limit(2.0, 2), "other@acme.example": Limit(1.0)}
    one, two, three = (
        SharedRateLimiter(senders, {"example.org": Limit(None, 4)}, facts=facts, shard=shard, file=file)
        for shard in range(3)
    )
    assert one.take(NARROW, 100.0)
    assert not two.take(NARROW, 100.4)
    assert two.ready_at(NARROW) == pytest.approx(100.5)
    assert two.take(NARROW, 100.6)
    assert not one.take(NARROW, 100.6)
    assert not three.take(NARROW, 101.0)
    assert three.take(NARROW, 101.2)
    # Of its own two that wait each comes after as many of the others'.
    assert three.turn_at(NARROW, 2) == pytest.approx(101.7 + 2 / (2.0 * 0.5))
    assert three.take(RateKey("other@acme.example", "acme.example"), 101.0)

    def room(limiter: SharedRateLimiter, rate_key: RateKey) -> int:
        count = 0
        while limiter.has_room(rate_key) and count < 10:
            limiter.begin(rate_key)
            count += 1
        return count

    assert [room(limiter, NARROW) for limiter in (one, two)] == [1, 1]
    assert [room(limiter, RateKey("x@acme.example", "example.org")) for limiter in (one, two, three)] == [1, 0, 1]


def test_a_sender_with_fewer_connections_than_there_are_shards_is_in_so_many_of_them(world):
    world.add_version()
    world.add_leads(MESSAGES)
    world.warehouse.append_rows(
        "raw.recipient_domains",
        [{"domain": "example.org", "connections": 2, "rate_messages": 100, "rate_per_seconds": 1}],
    )
    settings = Settings(smtp_connections=6, send_shards=4)
    open_batch(world.project, world.warehouse, settings, "one", as_of=AS_OF, now=lambda: WALL)
    facts = batch_named(world.project, "one").facts
    assert facts is not None
    assert (sum(facts.rows), facts.rows[2:]) == (MESSAGES, [0, 0])
    assert facts.parts == {"domain example.org": [count / MESSAGES for count in facts.rows]}


# What is sent ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_shards_send_what_one_process_sends_row_for_row(world, tmp_path_factory):
    twin_root = tmp_path_factory.mktemp("twin")
    for name in ("sequences", "dbt_project"):
        (twin_root / name).mkdir()
    seen: list[tuple[int, int]] = []
    with open_warehouse(Project.at(twin_root).warehouse) as warehouse:
        twin = World(Project.at(twin_root), warehouse)
        for one in (world, twin):
            fill(one)
        with ScriptedServer() as server:
            report = run(world, server.url, 3, progress=lambda *at: seen.append(at))
        with ScriptedServer() as alone:
            expected = run(twin, alone.url, 1)
        assert report == expected
        assert (report.sent, seen[-1]) == (MESSAGES, (MESSAGES, MESSAGES))
        assert rows_but_for_times(world) == rows_but_for_times(twin)
    assert sorted(server.accepted) == sorted(alone.accepted)
    assert contents(server) == contents(alone)
    assert contents(server)[f"{1:032x}"].split() == ["<p>pro", "9.5000", "2", "19.90</p>"]
    times = {row["recorded_at"] for row in world.log()}
    assert all(timedelta() <= at - WALL < timedelta(minutes=1) for at in times)
    journals = list((world.project.journal / "deliveries").glob("*.jsonl"))
    assert (len(journals), batches(world.project)) == (3, [])


@pytest.mark.slow
def test_who_is_suppressed_or_has_bought_meanwhile_gets_nothing_from_any_shard_and_the_rate_is_one(world):
    world.add_version()
    world.add_leads(MESSAGES)
    identity = {"sender_id": "ada", "address": "ada@acme.example", "email": "ada@acme.example", "verp": False}
    rate = {"servers": ["default"], "rate_messages": 10, "rate_per_seconds": 1}
    world.warehouse.append_rows("raw.sender_identities", [identity | rate])
    late = [f"{number:032x}" for number in range(MESSAGES // 2 + 1, MESSAGES + 1)]
    of_shards = {shard_of(f"lead{int(message_id, 16)}@example.org", 3) for message_id in late[:20]}
    asked = 0

    def land() -> None:
        nonlocal asked
        asked += 1
        # Suppressed after the first messages have gone; exits are asked again where a file has landed.
        table, some = {1: ("exited", late[20:]), 2: ("refused", late[:20])}.get(asked, ("refused", []))
        world.warehouse.execute(f"insert into decide.{table}_steps select unnest(?::varchar[])", [some])

    with ScriptedServer() as server:
        began = time.monotonic()
        report = run(world, server.url, 3, refresh=land)
        took = time.monotonic() - began
    assert of_shards == {0, 1, 2}
    assert (report.sent, report.refused, report.exited_at_send, report.left_due) == (MESSAGES // 2, 20, 10, 0)
    assert not {*late} & {*server.accepted}
    # None sooner than a tenth of a second after the one before it, whichever shard sent that.
    assert took >= (MESSAGES // 2 - 1) / 10


@pytest.mark.slow
def test_where_no_server_is_to_be_had_all_stays_due_and_is_told_once(world):
    world.add_version()
    world.add_leads(4)
    report = run(world, f"smtp://127.0.0.1:{closed_port()}", 2)
    assert (report.sent, report.left_due) == (0, 4)
    assert "can't be reached" in (report.stopped or "")
    assert [row["left_due"] for row in world.warehouse.rows("select * from raw.sending_stops")] == [4]


# What keeps shards apart ----------------------------------------------------------------------------------------------


def opened(world: World) -> Batch:
    settings = Settings(smtp_connections=2, send_shards=2)
    assert open_batch(world.project, world.warehouse, settings, "one", as_of=AS_OF, now=lambda: WALL) == 2
    batch = batch_named(world.project, "one")
    batch.refuse(frozenset(), frozenset())
    return batch


def test_a_shard_is_sent_once_and_its_batch_is_taken_in_once(world):
    world.add_version()
    world.add_leads(10)
    batch = opened(world)
    with ScriptedServer() as server:
        settings = Settings(smtp_url=server.url, smtp_connections=2)
        with batch.attended():
            outcomes = [send_shard(world.project, batch, shard, settings) for shard in (0, 1, 0)]
        report = close_batch(world.project, world.warehouse, batch, settings, now=lambda: WALL)
    assert [outcome is None for outcome in outcomes] == [False, False, True]
    assert (report.due, report.sent, len(server.accepted)) == (10, 10, 10)
    with pytest.raises(DripsError, match="another send has begun since"):
        close_batch(world.project, world.warehouse, batch, settings, now=lambda: WALL)


def test_a_shard_whose_batch_another_send_took_away_claims_nothing(world):
    world.add_version()
    world.add_leads(10)
    batch = opened(world)
    with ScriptedServer() as server:
        settings = Settings(smtp_url=server.url, smtp_connections=2)
        with batch.attended():
            assert send_shard(world.project, batch, 0, settings) is not None
        first = len(server.accepted)
        report = dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL)
        assert send_shard(world.project, batch, 1, settings) is None
    assert 0 < first < 10
    assert (report.due, report.sent) == (10 - first, 10 - first)
    assert len({*server.accepted}) == len(server.accepted) == 10


def test_a_shard_that_nobody_attends_to_claims_nothing(world, monkeypatch):
    monkeypatch.setattr("dagster_drips.delivery.shard_worker.ATTENTION_SECONDS", 0.2)
    world.add_version()
    world.add_leads(10)
    batch = opened(world)
    with ScriptedServer() as server:
        settings = Settings(smtp_url=server.url, smtp_connections=2)
        for shard in (0, 1):
            send_shard(world.project, batch, shard, settings)
        with pytest.raises(DripsError, match="nobody says any more who must not get mail"):
            close_batch(world.project, world.warehouse, batch, settings, now=lambda: WALL)
        assert server.accepted == []
        report = dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL)
    assert report.sent == 10


def test_a_copy_of_the_project_sends_no_shard_either(world):
    world.add_version()
    world.add_leads(10)
    batch = opened(world)
    (world.project.data / "place").write_text("elsewhere\n")
    (world.project.journal / "place.json").write_text('{"id": "here", "inodes": [1, 2]}')
    with batch.attended(), ScriptedServer() as server:
        outcome = send_shard(world.project, batch, 0, Settings(smtp_url=server.url))
    assert outcome is not None
    assert "drips adopt" in (outcome.error or "")
    assert server.accepted == []
