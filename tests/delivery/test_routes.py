"""Senders with an identity: their servers, return paths, signatures and limits, at real servers."""

import subprocess
import threading
import time
from collections import Counter

import pytest
from message.test_mime import built, parsed
from smtp.servers import RawServer, ScriptedServer, closed_port

from dagster_drips.delivery import queue
from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.delivery.routes import Routes
from dagster_drips.errors import DripsError
from dagster_drips.settings import Settings

from .conftest import AS_OF, WALL, World

pytestmark = pytest.mark.slow


def run(world: World, settings: Settings) -> DispatchReport:
    return dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL)


def add_identity(world: World, **columns) -> None:
    row = {"sender_id": "ada", "address": "ada@acme.example", "email": "ada@acme.example"}
    row |= {"servers": ["default"], "verp": True, **columns}
    world.warehouse.append_rows("raw.sender_identities", [row])


def add_domain(world: World, domain: str, **columns) -> None:
    row = {"domain": domain, "rate_messages": None, "rate_per_seconds": None, "connections": None, **columns}
    world.warehouse.append_rows("raw.recipient_domains", [row])


@pytest.fixture(autouse=True)
def version(world: World) -> None:
    world.add_version()


def test_a_server_that_is_down_is_stood_in_for_by_the_next(world):
    add_identity(world, servers=["main", "backup"])
    world.add_leads(20)
    with ScriptedServer() as backup:
        report = run(world, Settings(smtp_urls={"main": f"smtp://127.0.0.1:{closed_port()}", "backup": backup.url}))
    assert report.sent == len(set(backup.accepted)) == 20
    assert "can't be reached" in (report.stopped or "")


def test_a_server_that_dies_in_mid_batch_hands_the_rest_over_and_nothing_goes_twice(world):
    def script(session, number):
        if number > 1:
            return  # dead
        session.greet()
        for _ in range(5):
            session.until_data()
            taken.append(session.hear_body())
            session.say("250 2.0.0 ok")
        session.hear()
        session.say("451 4.3.0 the disk burns")

    taken: list[bytes] = []
    add_identity(world, servers=["main", "backup"])
    world.add_leads(60)
    with RawServer(script) as main, ScriptedServer() as backup:
        report = run(world, Settings(smtp_urls={"main": main.url, "backup": backup.url}, smtp_connections=1))
    assert len(taken) == 5
    assert report.sent == len(taken) + len(backup.accepted)
    assert max(Counter(backup.accepted).values()) == 1
    assert report.sent + report.deferred == 60
    assert report.deferred <= 3


def test_senders_go_by_their_own_servers(world):
    add_identity(world, servers=["first"])
    world.warehouse.execute("insert into raw.project_settings (timezone, servers) values ('UTC', ['second'])")
    mine = world.add_lead(1)
    other = world.add_lead(2, sender_email="bob@acme.example")
    with ScriptedServer() as first, ScriptedServer() as second:
        run(world, Settings(smtp_urls={"first": first.url, "second": second.url}))
    assert (first.accepted, second.accepted) == ([mine], [other])


def test_a_server_that_is_down_holds_back_its_own_senders_only(world):
    add_identity(world, servers=["first"])
    world.add_lead(1)
    other = world.add_lead(2, sender_email="bob@acme.example")
    with ScriptedServer() as server:
        report = run(world, Settings(smtp_url=server.url, smtp_urls={"first": f"smtp://127.0.0.1:{closed_port()}"}))
        assert (report.sent, server.accepted) == (1, [other])
        assert run(world, Settings(smtp_url=server.url, smtp_urls={"first": server.url})).sent == 1


def test_a_server_that_is_named_and_not_set_is_one_clear_error(world):
    add_identity(world, servers=["main-eu"])
    world.add_lead(1)
    with pytest.raises(DripsError, match="put DRIPS_SMTP_URL_MAIN_EU into"):
        run(world, Settings())
    assert world.log() == []


def test_a_provider_that_reports_by_names_of_its_own_is_told_ours(world):
    add_identity(world, servers=["grid", "own"])
    world.warehouse.execute("create temp table sending (message_id varchar, send_rank bigint)")
    urls = {"grid": "smtp://smtp.sendgrid.net", "own": "smtp://127.0.0.1"}
    route = Routes(world.warehouse, Settings(smtp_urls=urls)).of("ada@acme.example")
    headers = {"X-SMTPAPI": '{"unique_args":{"drips_message_id":"m1"}}'}
    assert route.provider_headers("m1") == headers
    message = built(headers=headers)
    assert parsed(message)["X-SMTPAPI"] == headers["X-SMTPAPI"]


def test_an_identity_is_found_by_its_address_as_suppressions_are(world):
    add_identity(world, address="Äda@acme.example", return_path="bounces@mail.acme.example", verp=False)
    world.warehouse.execute("create temp table sending (message_id varchar, send_rank bigint)")
    routes = Routes(world.warehouse, Settings(smtp_url="smtp://127.0.0.1"))
    assert routes.of(" ÄDA@Acme.example").return_path == "bounces@mail.acme.example"
    assert routes.of("äda@acme.example").return_path is None


@pytest.mark.parametrize(
    ("columns", "envelope"),
    [
        ({}, "ada@acme.example"),
        ({"return_path": "bounces@mail.acme.example"}, f"bounces+{1:032x}@mail.acme.example"),
        ({"return_path": "bounces@mail.acme.example", "verp": False}, "bounces@mail.acme.example"),
    ],
)
def test_bounces_go_where_the_identity_says(world, columns, envelope):
    add_identity(world, **columns)
    world.add_lead(1)
    seen: list[str] = []
    with ScriptedServer(on_mail=lambda address: seen.append(address)) as server:
        run(world, Settings(smtp_url=server.url))
    assert seen == [envelope]
    assert server.messages[0]["From"] == "Ada Lovelace <ada@acme.example>"


def test_messages_of_an_identity_with_a_key_are_signed(world):
    add_identity(world, dkim_domain="acme.example", dkim_selector="drips")
    world.add_lead(1)
    try:
        key = subprocess.run(["openssl", "genrsa", "1024"], check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    with ScriptedServer() as server:
        run(world, Settings(smtp_url=server.url, dkim_keys={"ada": key}))
    signature = server.messages[0]["DKIM-Signature"]
    assert "d=acme.example" in signature
    assert "s=drips" in signature


def test_an_identity_without_its_key_sends_nothing_over_a_network(world):
    add_identity(world, dkim_domain="acme.example", dkim_selector="drips")
    world.add_lead(1)
    with pytest.raises(DripsError, match="set DRIPS_DKIM_KEY_ADA"):
        run(world, Settings(smtp_url="smtp://192.0.2.1"))
    assert world.log() == []


def test_a_rate_spreads_messages_over_time(world):
    add_identity(world, rate_messages=20, rate_per_seconds=1)
    world.add_leads(5)
    arrived: list[float] = []
    with ScriptedServer(on_data=lambda _: arrived.append(time.monotonic())) as server:
        report = run(world, Settings(smtp_url=server.url))
    assert report.sent == 5
    assert (
        arrived[-1] - arrived[0] >= 0.1
    )  # a lower bound: four pauses of a twentieth of a second, less what the way took


def test_what_a_rate_would_let_go_too_late_stays_due_and_unclaimed(world, monkeypatch):
    monkeypatch.setattr(queue, "PATIENCE", 0.0)
    add_domain(world, "example.org", rate_messages=1, rate_per_seconds=3600)
    world.add_leads(5)
    other = world.add_lead(6, recipient="x@elsewhere.example")
    with ScriptedServer() as server:
        report = run(world, Settings(smtp_url=server.url))
        assert (report.sent, report.held) == (2, 4)
        assert other in server.accepted
        assert run(world, Settings(smtp_url=server.url)).sent == 1
    assert max(Counter(server.accepted).values()) == 1


@pytest.mark.parametrize(("schedule", "sent"), [("*/5 * * * *", 1), ("@hourly", 2)])
def test_rates_are_waited_for_as_long_as_the_schedule_leaves_time(world, monkeypatch, schedule, sent):
    monkeypatch.setattr(queue, "PATIENCE", 0.002)
    add_domain(world, "example.org", rate_messages=1, rate_per_seconds=1)
    world.add_leads(2)
    with ScriptedServer() as server:
        report = run(world, Settings(smtp_url=server.url, schedule=schedule))
    assert (report.sent, report.held) == (sent, 2 - sent)


@pytest.mark.parametrize("limited", ["sender", "domain"])
def test_no_more_messages_are_on_their_way_than_a_limit_allows(world, limited):
    if limited == "sender":
        add_identity(world, connections=2)
    else:
        add_domain(world, "example.org", connections=2)
    world.add_leads(40)
    lock, at_once, most = threading.Lock(), 0, 0

    def script(session, _):
        nonlocal at_once, most
        session.greet()
        while session.hear().startswith("MAIL"):
            with lock:
                at_once += 1
                most = max(most, at_once)
            session.say("250 ok")
            session.hear()
            session.say("250 ok")
            session.hear()
            session.say("354 go on")
            session.hear_body()
            time.sleep(0.005)  # so that those that are on their way at once meet
            with lock:
                at_once -= 1
            session.say("250 2.0.0 ok")

    with RawServer(script) as server:
        report = run(world, Settings(smtp_url=server.url, smtp_connections=6))
    assert (report.sent, most) == (40, 2)


@pytest.mark.parametrize(
    ("sequence", "step", "lead", "tracked"),
    [
        (None, None, None, True),
        (False, None, None, False),
        (None, False, None, False),
        (False, True, None, True),
        (None, None, "false", False),
        (None, None, "No ", False),
        (None, None, "yes", True),
    ],
)
def test_tracking_can_be_switched_off_for_a_sequence_a_step_and_a_lead(world, sequence, step, lead, tracked):
    more = {} if step is None else {"tracking": step}
    world.add_version(version_id="v2", sequence={} if sequence is None else {"tracking": sequence}, **more)
    world.add_lead(1, version_id="v2")
    world.warehouse.execute("alter table staging.stg_leads add column tracking varchar")
    world.warehouse.execute("update staging.stg_leads set tracking = ?", [lead])
    settings = {"public_url": "https://mail.acme.example", "secret_keys": "k" * 32}
    with ScriptedServer() as server:
        run(world, Settings(smtp_url=server.url, **settings))
    html = server.messages[0].get_body(("html",)).get_content()
    assert ("mail.acme.example/c/" in html) == ("mail.acme.example/o/" in html) == tracked
    assert server.messages[0]["List-Unsubscribe"].startswith("<https://mail.acme.example/u/")
