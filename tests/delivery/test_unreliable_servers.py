"""Dispatch against servers that are down, hang up, want a login or allow little: nothing twice, nothing lost."""

from smtp.servers import RawServer, ScriptedServer, closed_port

from dagster_drips.delivery.dispatch import DispatchReport, dispatch

from .conftest import AS_OF, WALL, World


def run(world: World, settings) -> DispatchReport:
    return dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL)


def test_a_server_that_is_down_leaves_everything_due_and_unclaimed(world, settings_for):
    world.add_version()
    world.add_leads(3)
    report = run(world, settings_for(f"smtp://127.0.0.1:{closed_port()}"))
    assert "can't be reached" in (report.stopped or "")
    assert world.log() == []
    with ScriptedServer() as server:
        assert run(world, settings_for(server.url)).sent == 3


def test_a_connection_lost_before_the_final_dot_defers_and_the_next_one_carries_on(world, settings_for):
    def script(session, number):
        session.greet()
        if number == 1:
            session.hear()
            session.say("250 ok")
            session.hear()
            return
        while True:
            session.until_data()
            session.hear_body()
            session.say("250 2.0.0 ok")

    world.add_version()
    world.add_leads(3)
    with RawServer(script) as server:
        report = run(world, settings_for(server.url, connections=1))
    assert (report.deferred, report.sent, report.stopped) == (1, 2, None)


def test_a_body_taken_without_an_answer_is_in_doubt_and_never_sent_again(world, settings_for):
    def script(session, number):
        session.greet()
        session.until_data()
        session.hear_body()

    world.add_version()
    message_id = world.add_lead(1)
    with RawServer(script) as server:
        report = run(world, settings_for(server.url))
        again = run(world, settings_for(server.url))
    assert (report.in_doubt, again.due, server.connections) == (1, 0, 1)
    assert world.outcomes() == {message_id: "in_doubt"}


def test_a_server_that_drops_every_connection_stops_the_batch(world, settings_for):
    def script(session, number):
        session.greet()
        session.hear()
        session.say("250 ok")
        session.hear()
        session.say("421 4.3.2 shutting down")

    world.add_version()
    world.add_leads(10)
    with RawServer(script) as server:
        report = run(world, settings_for(server.url, connections=1))
    assert (report.deferred, report.sent) == (3, 0)
    assert report.stopped == (
        f"the mail server 127.0.0.1:{server.port} dropped us 3 times in a row: 4.3.2 shutting down"
    )
    assert len(world.log()) == 3


def test_what_a_stopped_batch_did_not_begin_is_due_at_the_next_run(world, settings_for):
    def script(session, number):
        session.greet()
        session.until_data()
        session.hear_body()

    world.add_version()
    world.add_leads(10)
    with RawServer(script) as server:
        stopped = run(world, settings_for(server.url, connections=1))
    with ScriptedServer() as server:
        report = run(world, settings_for(server.url))
    assert (stopped.in_doubt, report.sent) == (3, 7)


def test_a_server_that_ends_a_long_connection_loses_no_message(world, settings_for):
    def script(session, number):
        session.greet()
        session.until_data()
        session.hear_body()
        session.say("250 ok")
        if number == 1:
            session.hear()
            session.say("421 4.7.0 enough for one connection")

    world.add_version()
    world.add_leads(3)
    with RawServer(script) as server:
        report = run(world, settings_for(server.url, connections=1))
    assert (report.sent, report.stopped) == (3, None)


def test_a_server_that_wants_a_login_stops_the_batch_and_bounces_nobody(world, settings_for):
    world.add_version()
    world.add_leads(5)
    with ScriptedServer(on_rcpt=lambda _: "530 5.7.0 authentication required") as server:
        report = run(world, settings_for(server.url, connections=1))
    assert (report.bounced, report.deferred) == (0, 1)
    assert "530 5.7.0 authentication required" in (report.stopped or "")


def test_a_server_that_allows_one_connection_only_gets_everything_over_that(world, settings_for):
    def script(session, number):
        if number > 1:
            session.say("421 4.7.0 too many connections")
            return
        session.greet()
        while True:
            session.until_data()
            session.hear_body()
            session.say("250 ok")

    world.add_version()
    world.add_leads(20)
    with RawServer(script) as server:
        report = run(world, settings_for(server.url, connections=4))
    assert (report.sent, report.stopped) == (20, None)


def test_a_server_whose_blocklist_has_us_for_one_domain_suppresses_nobody_and_gets_the_others(world, settings_for):
    def refuse(address: str) -> str | None:
        listed = "554 5.7.1 Client host [192.0.2.10] blocked using dnsbl.example"
        return listed if address.endswith("@blocked.example") else None

    world.add_version()
    world.add_leads(60)
    world.warehouse.execute(
        "update decide.due_steps set recipient = 'lead' || send_rank || '@blocked.example' where send_rank % 2 = 0"
    )
    with ScriptedServer(on_rcpt=refuse) as server:
        report = run(world, settings_for(server.url, connections=1))
    assert (report.sent, report.deferred, report.bounced, report.failed) == (30, 10, 0, 0)
    assert "10 messages to blocked.example in a row" in (report.stopped or "")
    # What nobody was asked to take is due at the next run.
    with ScriptedServer() as server:
        assert run(world, settings_for(server.url)).sent == 20


def test_a_server_that_greets_in_escape_sequences_is_told_of_in_plain_text(world, settings_for):
    world.add_version()
    world.add_leads(1)
    with RawServer(lambda session, _: session.say("554 \x1b[2J\x1b]0;owned\x07 go away")) as server:
        report = run(world, settings_for(server.url))
    assert (report.stopped or "").endswith(r"takes no mail now (554 \x1b[2J\x1b]0;owned\x07 go away)")
