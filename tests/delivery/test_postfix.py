"""Dispatch against a real Postfix: its refusals, limits, TLS and greylisting, alone and mixed on one connection."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from smtp import postfix
from smtp.postfix import BUSY, GREYLISTED, LATER_AT_DATA, LATER_AT_END, Postfix

from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.errors import DripsError

from .conftest import AS_OF, HTML, WALL, World

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)  # longer than any deferral may wait
FOR_GOOD = ("bounced", "failed")
FINAL = (*FOR_GOOD, "sent")


@dataclass(frozen=True)
class Kind:
    """A sort of message: how its due row differs, and what this server says to it."""

    outcomes: tuple[str, ...]
    code: int
    enhanced: str
    words: str
    recipient: str = "lead{n}@example.org"
    columns: Mapping[str, str] = field(default_factory=dict)


# Sorts that the server refuses at RCPT because of what we are or ask, not of who the reader is, may become either of
# FOR_GOOD: that is settled elsewhere.
KINDS = {
    "good": Kind(("sent",), 250, "2.0.0", "Ok: queued as"),
    "unknown": Kind(
        ("bounced",), 550, "5.1.1", "<{to}>: Recipient address rejected: User unknown", "no{n}@example.org"
    ),
    "elsewhere": Kind(FOR_GOOD, 554, "5.7.1", "<{to}>: Relay access denied", "lead{n}@elsewhere.example"),
    "blocked": Kind(
        FOR_GOOD, 554, "5.7.1", "we don't want mail from you", columns={"sender_email": postfix.BLOCKED_SENDER}
    ),
    "forbidden": Kind(
        ("failed",), 550, "5.7.1", "no such subjects here", columns={"name": f"{postfix.FORBIDDEN_WORD} {{n}}"}
    ),
    "too_big": Kind(("failed",), 552, "5.3.4", "", columns={"version_id": "big"}),
    "busy": Kind(("deferred",), 450, "4.7.1", "<{to}>: Recipient address rejected: too busy", f"lead{{n}}@{BUSY}"),
    "greylisted": Kind(
        ("deferred",), 450, "4.2.0", "<{to}>: Recipient address rejected: Greylisted", f"lead{{n}}@{GREYLISTED}"
    ),
    "later_at_data": Kind(("deferred",), 451, "4.3.2", "not now", f"lead{{n}}@{LATER_AT_DATA}"),
    "later_at_end": Kind(("deferred",), 452, "4.3.1", "no room left", f"lead{{n}}@{LATER_AT_END}"),
}


@pytest.fixture(scope="session")
def running_postfix():
    if reason := postfix.missing():
        pytest.skip(reason)
    with Postfix() as server:
        yield server


@pytest.fixture
def server(running_postfix: Postfix) -> Postfix:
    running_postfix.forget()
    return running_postfix


def run(world: World, settings, *, as_of=AS_OF) -> DispatchReport:
    return dispatch(world.project, world.warehouse, settings, as_of=as_of, now=lambda: WALL)


def add(world: World, kind: str, number: int) -> str:
    """One due message of that kind, named by its number in address and subject."""
    sort = KINDS[kind]
    texts = {"name": f"Reader {number}", "recipient": sort.recipient, **sort.columns}
    columns: dict[str, Any] = {name: text.format(n=number) for name, text in texts.items()}
    return world.add_lead(number, **columns)


def add_mix(world: World, kinds: list[str]) -> dict[str, tuple[str, int]]:
    """Due messages of these kinds in this order of rank; message_id → kind and number."""
    world.add_version()
    world.add_version({"hello.html": HTML + "<p>more</p>\n" * (postfix.SMALL_LIMIT // 10)}, version_id="big")
    with world.warehouse.transaction():
        return {add(world, kind, number): (kind, number) for number, kind in enumerate(kinds, start=1)}


def next_tick(world: World, as_of) -> None:
    """What dbt would make due: the deferred at their next attempt, and what was never claimed."""
    world.warehouse.execute(
        "update decide.due_steps set as_of = ?, attempt = 1 + coalesce("
        "(select max(log.attempt) from raw.delivery_log as log where log.message_id = due_steps.message_id), 0)",
        [as_of],
    )


def run_until_nothing_is_due(world: World, settings, *, as_of=AS_OF) -> None:
    """Tick after tick, as when a server or the circuit breaker ends a run early."""
    for _ in range(7):
        if run(world, settings, as_of=as_of).due == 0:
            return
        as_of += DAY
        next_tick(world, as_of)
    raise AssertionError("there is always something due")


def assert_each_got_its_own_answer(world: World, expected: dict[str, tuple[str, int]]) -> None:
    log = {row["message_id"]: row for row in world.log()}
    assert len(log) == len(world.log()) == len(expected)
    for message_id, (kind, number) in expected.items():
        row, sort = log[message_id], KINDS[kind]
        assert (kind, row["smtp_code"], row["enhanced_code"]) == (kind, sort.code, sort.enhanced), row
        assert row["outcome"] in sort.outcomes, row
        # Most refusals name the address: an answer that went to a neighbour shows.
        assert sort.words.format(to=sort.recipient.format(n=number)) in row["detail"], row
        assert (row["retry_at"] is not None) == (row["outcome"] == "deferred"), row


def assert_only_the_good_arrived_each_once(server: Postfix, expected: dict[str, tuple[str, int]]) -> None:
    good = {message_id: number for message_id, (kind, number) in expected.items() if kind == "good"}
    arrived = server.arrived()
    assert sorted(str(message["X-Drips-Message-Id"]) for message in arrived) == sorted(good)
    for message in arrived:
        number = good[message["X-Drips-Message-Id"]]
        assert message["Delivered-To"] == message["To"] == f"lead{number}@example.org"
        assert message["Subject"] == f"Hello Reader {number}"
        html = message.get_body(("html",))
        assert html is not None and f"Hi Reader {number}," in html.get_content()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_lands_in_the_log_as_the_server_gave_it(world, settings_for, server, kind):
    expected = add_mix(world, [kind])
    report = run(world, settings_for(server.url("small")))
    assert report.stopped is None
    assert_each_got_its_own_answer(world, expected)
    assert_only_the_good_arrived_each_once(server, expected)


@pytest.mark.parametrize(("seed", "connections"), [(1, 1), (2, 1), (3, 4)])
def test_every_sort_of_answer_in_any_order_goes_to_its_own_message(world, settings_for, server, seed, connections):
    # Good ones often enough that the circuit breaker has no reason to stop the server, in whatever order they come.
    kinds = [*KINDS] * 8 + ["good"] * 120
    random.Random(seed).shuffle(kinds)
    expected = add_mix(world, kinds)
    report = run(world, settings_for(server.url("small"), connections))
    assert (report.sent, report.in_doubt, report.stopped) == (128, 0, None)
    assert_each_got_its_own_answer(world, expected)
    assert_only_the_good_arrived_each_once(server, expected)
    assert run(world, settings_for(server.url("small"), connections)).due == 0


@pytest.mark.parametrize("pattern", ["xoxxoooxxxoox", "oxoxxxoooooxxoo"])
@pytest.mark.parametrize("refused", [kind for kind in KINDS if kind != "good"])
def test_a_refusal_does_not_disturb_its_neighbours_on_the_connection(world, settings_for, server, refused, pattern):
    expected = add_mix(world, [refused if sign == "x" else "good" for sign in pattern])
    report = run(world, settings_for(server.url("small"), connections=1))
    assert (report.sent, report.in_doubt, report.stopped) == (pattern.count("o"), 0, None)
    assert_each_got_its_own_answer(world, expected)
    assert_only_the_good_arrived_each_once(server, expected)


@pytest.mark.parametrize("pattern", ["xo", "xxo", "oxo", "xoxxoooxxxoox"])
def test_a_refusal_that_leaves_the_transaction_open_does_not_disturb_the_next_message(
    world, settings_for, server, pattern
):
    # Postfix does not end the transaction when its end-of-data restrictions refuse a body (against RFC 5321 4.1.1.4):
    # the next MAIL without RSET is a "nested MAIL command".
    expected = add_mix(world, ["later_at_end" if sign == "x" else "good" for sign in pattern])
    report = run(world, settings_for(server.url("small"), connections=1))
    assert (report.sent, report.in_doubt, report.stopped) == (pattern.count("o"), 0, None)
    assert_each_got_its_own_answer(world, expected)
    assert_only_the_good_arrived_each_once(server, expected)


def test_long_runs_of_unknown_users_bounce_and_those_in_between_are_sent(world, settings_for, server):
    expected = add_mix(world, (["unknown"] * 20 + ["good"] * 2) * 10)
    report = run(world, settings_for(server.url(), connections=1))
    assert (report.bounced, report.sent, report.stopped) == (200, 20, None)
    assert_each_got_its_own_answer(world, expected)
    assert_only_the_good_arrived_each_once(server, expected)


@pytest.mark.parametrize("connections", [1, 8])
def test_unknown_users_at_the_edges_of_batches_bounce_and_all_others_arrive_once(
    world, settings_for, server, connections
):
    edges = {1, 2, 199, 200, 201, 202, 399, 400, 401, 450}
    world.add_version()
    world.add_leads(450)
    world.warehouse.execute(
        "update decide.due_steps set recipient = 'no' || send_rank || '@example.org' where list_contains(?, send_rank)",
        [sorted(edges)],
    )
    report = run(world, settings_for(server.url(), connections))
    assert (report.sent, report.bounced, report.stopped) == (440, 10, None)
    bounced = [row for row in world.log() if row["outcome"] == "bounced"]
    assert {row["message_id"] for row in bounced} == {f"{number:032x}" for number in edges}
    assert all(f"<{row['recipient']}>" in row["detail"] for row in bounced)
    assert server.arrived_ids() == [f"{number:032x}" for number in range(1, 451) if number not in edges]


def test_five_hundred_messages_over_eight_connections_arrive_once_each(world, settings_for, server):
    world.add_version()
    world.add_leads(500)
    report = run(world, settings_for(server.url(), connections=8))
    assert (report.due, report.sent, report.stopped) == (500, 500, None)
    assert server.arrived_ids() == [f"{number:032x}" for number in range(1, 501)]
    queued = [row["detail"].rpartition(" ")[2] for row in world.log()]
    assert len(set(queued)) == 500, "each message has the name under which the server queued it"
    for message in server.arrived():
        number = int(message["X-Drips-Message-Id"], 16)
        assert message["To"] == message["Delivered-To"] == f"lead{number}@example.org"
        assert message["Return-Path"] == "<ada@acme.example>"


def test_a_greylisted_message_goes_out_at_a_later_tick_under_the_same_message_id(world, settings_for, server):
    [message_id] = add_mix(world, ["greylisted"])
    settings = settings_for(server.url())
    assert run(world, settings).deferred == 1
    assert server.arrived() == []
    assert run(world, settings).due == 0
    later = AS_OF + timedelta(minutes=5)
    next_tick(world, later)
    assert run(world, settings, as_of=later).sent == 1
    rows = [(row["attempt"], row["outcome"], row["smtp_code"], row["retry_at"]) for row in world.log()]
    assert rows == [(1, "deferred", 450, later), (2, "sent", 250, None)]
    [message] = server.arrived()
    assert message["Message-ID"] == f"<{message_id}@acme.example>"


def test_a_mix_of_greylisted_and_others_is_complete_after_the_second_tick(world, settings_for, server):
    expected = add_mix(world, ["good", "greylisted", "greylisted", "unknown", "good", "greylisted"] * 10)
    settings = settings_for(server.url(), connections=2)
    assert run(world, settings).deferred == 30
    next_tick(world, AS_OF + DAY)
    again = run(world, settings, as_of=AS_OF + DAY)
    assert (again.due, again.sent) == (30, 30)
    assert server.arrived_ids() == sorted(each for each, (kind, _) in expected.items() if kind != "unknown")


def test_a_foreign_local_part_goes_where_the_server_can_and_the_next_address_is_plain_again(
    world, settings_for, server
):
    world.add_version()
    for number, recipient in enumerate(["lead1@example.org", "jörg@example.org", "lead3@example.org"], start=1):
        world.add_lead(number, recipient=recipient)
    report = run(world, settings_for(server.url(), connections=1))
    assert (report.sent, report.stopped) == (3, None)
    arrived = {message["X-Drips-Message-Id"]: message for message in server.arrived()}
    assert len(arrived) == 3
    assert arrived[f"{2:032x}"]["To"] == "jörg@example.org"
    assert "UTF8SMTP" in arrived[f"{2:032x}"]["Received"]
    assert "UTF8SMTP" not in arrived[f"{3:032x}"]["Received"]


def test_a_foreign_local_part_fails_alone_where_the_server_does_not_offer_smtputf8(world, settings_for, server):
    world.add_version()
    for number, recipient in enumerate(["lead1@example.org", "jörg@example.org", "lead3@example.org"], start=1):
        world.add_lead(number, recipient=recipient)
    report = run(world, settings_for(server.url("ascii"), connections=1))
    assert (report.sent, report.failed, report.stopped) == (2, 1, None)
    [failed] = [row for row in world.log() if row["outcome"] == "failed"]
    assert (failed["recipient"], "SMTPUTF8" in failed["detail"]) == ("jörg@example.org", True)
    assert server.arrived_ids() == [f"{1:032x}", f"{3:032x}"]


@pytest.mark.parametrize("connections", [1, 3])
def test_a_server_that_hangs_up_after_some_errors_gets_the_rest_in_the_end_and_nothing_twice(
    world, settings_for, server, connections
):
    kinds = (["unknown"] * postfix.ERROR_LIMIT + ["good"] * 2) * 4 + ["unknown", "good"] * 10
    expected = add_mix(world, kinds)
    run_until_nothing_is_due(world, settings_for(server.url("impatient"), connections))
    final = {row["message_id"]: row["outcome"] for row in world.log() if row["outcome"] in FINAL}
    assert len(final) == len(expected)
    assert [row for row in world.log() if row["outcome"] == "in_doubt"] == []
    assert final == {each: "sent" if kind == "good" else "bounced" for each, (kind, _) in expected.items()}
    assert_only_the_good_arrived_each_once(server, expected)


def test_a_server_that_hangs_up_again_and_again_stops_the_batch_and_what_it_did_not_hear_stays_due(
    world, settings_for, server
):
    expected = add_mix(world, ["unknown"] * 60)
    report = run(world, settings_for(server.url("impatient"), connections=1))
    assert report.stopped is not None
    rows = world.log()
    assert 0 < len(rows) < len(expected)
    assert {row["outcome"] for row in rows} <= {"bounced", "deferred"}
    next_tick(world, AS_OF + DAY)
    run_until_nothing_is_due(world, settings_for(server.url(), connections=1), as_of=AS_OF + DAY)
    final = [row["message_id"] for row in world.log() if row["outcome"] == "bounced"]
    assert sorted(final) == sorted(expected)


def test_a_server_that_allows_two_connections_gets_everything_over_those(world, settings_for, server):
    world.add_version()
    world.add_leads(100)
    report = run(world, settings_for(server.url("few_connections"), connections=8))
    assert (report.sent, report.deferred, report.stopped) == (100, 0, None)
    assert "concurrency limit exceeded" in server.log
    assert server.arrived_ids() == [f"{number:032x}" for number in range(1, 101)]


def test_a_server_that_takes_no_more_connections_leaves_the_rest_unclaimed(world, settings_for, server):
    world.add_version()
    world.add_leads(20)
    first = run(world, settings_for(server.url("seldom"), connections=8))
    assert (first.sent, first.stopped) == (20, None)
    world.add_lead(21)
    second = run(world, settings_for(server.url("seldom"), connections=8))
    assert (second.due, second.sent) == (1, 0)
    assert "421 4.7.0 mx.example.org Error: too many connections" in (second.stopped or "")
    assert len(world.log()) == 20


def test_a_server_that_takes_a_few_messages_an_hour_defers_the_rest(world, settings_for, server):
    world.add_version()
    world.add_leads(12)
    report = run(world, settings_for(server.url("slow"), connections=1))
    assert (report.sent, report.deferred) == (postfix.MESSAGES_ALLOWED, 12 - postfix.MESSAGES_ALLOWED)
    deferred = [row for row in world.log() if row["outcome"] == "deferred"]
    assert {(row["smtp_code"], row["enhanced_code"]) for row in deferred} == {(450, "4.7.1")}
    assert all("too much mail" in row["detail"] for row in deferred)
    assert server.arrived_ids() == [f"{number:032x}" for number in range(1, postfix.MESSAGES_ALLOWED + 1)]


def test_mail_goes_over_tls_where_the_certificate_is_trusted(world, settings_for, server, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    expected = add_mix(world, ["good", "unknown", "good", "busy", "good"])
    report = run(world, settings_for(server.url("tls"), connections=1))
    assert (report.sent, report.stopped) == (3, None)
    assert_each_got_its_own_answer(world, expected)
    assert_only_the_good_arrived_each_once(server, expected)
    assert all("using TLSv1" in message["Received"] for message in server.arrived())


def test_a_certificate_that_nobody_vouches_for_claims_nothing(world, settings_for, server):
    add_mix(world, ["good"])
    with pytest.raises(DripsError, match="no secure connection"):
        run(world, settings_for(server.url("tls")))
    assert (world.log(), server.arrived()) == ([], [])


def test_a_server_that_wants_tls_bounces_nobody_who_comes_without(world, settings_for, server):
    add_mix(world, ["good"] * 5)
    plain = server.url("tls").replace("smtp+starttls:", "smtp:")
    report = run(world, settings_for(plain, connections=1))
    assert (report.sent, report.bounced, report.failed) == (0, 0, 0)
    assert "530 5.7.0 Must issue a STARTTLS command first" in (report.stopped or "")
    assert server.arrived() == []
