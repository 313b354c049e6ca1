"""Dispatch against a real server: what is sent, in which order, what is refused and what is left."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from smtp.servers import ScriptedServer

from dagster_drips.addresses import OnlyTo
from dagster_drips.delivery import refusals
from dagster_drips.delivery.delivery_journal import deliveries
from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.delivery.ingestion import ingest_deliveries
from dagster_drips.errors import DripsError
from dagster_drips.smtp.sink import MailSink
from dagster_drips.warehouse.port import open_warehouse

from .conftest import AS_OF, WALL, World


def run(world: World, settings, **options) -> DispatchReport:
    return dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL, **options)


def test_what_is_due_is_sent_once_with_the_headers_of_the_contract(world, settings_for):
    world.add_version(preview_text="Your first five minutes")
    message_id = world.add_lead(1)
    with ScriptedServer() as server:
        report = run(world, settings_for(server.url))
    assert (report.due, report.sent, report.stopped) == (1, 1, None)
    [message] = server.messages
    assert message["Message-ID"] == f"<{message_id}@acme.example>"
    assert message["X-Drips-Message-Id"] == message_id
    assert message["X-Drips-Sequence"] == "welcome"
    assert message["X-Drips-Step"] == "hello"
    assert message["From"] == "Ada Lovelace <ada@acme.example>"
    assert message["Reply-To"] == "help@acme.example"
    assert message["To"] == "lead1@example.org"
    assert message["Subject"] == "Hello Ada"
    assert message["List-Unsubscribe"] == f"<mailto:help@acme.example?subject=unsubscribe%20{message_id}>"
    assert message["List-Unsubscribe-Post"] is None  # a mailto can't be clicked once (RFC 8058)
    assert timedelta() <= parsedate_to_datetime(message["Date"]).replace(tzinfo=None) - WALL < timedelta(minutes=1)
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert text.get_content() == "Hi Ada, see the guide (https://acme.example/a).\r\n"
    assert "Your first five minutes" in html.get_content()
    [row] = world.log()
    assert (row["outcome"], row["attempt"], row["smtp_code"], row["enhanced_code"]) == ("sent", 1, 250, "2.0.0")
    assert (row["as_of"], row["sender"]) == (AS_OF, "ada@acme.example")
    assert timedelta() <= row["recorded_at"] - WALL < timedelta(minutes=1)


def test_a_second_dispatch_of_the_same_due_rows_sends_nothing(world, settings_for):
    world.add_version()
    world.add_leads(5)
    with ScriptedServer() as server:
        run(world, settings_for(server.url))
        again = run(world, settings_for(server.url))
    assert (len(server.messages), again.due, again.sent) == (5, 0, 0)


def test_several_batches_go_out_in_the_order_of_their_rank(world, settings_for):
    world.add_version()
    world.add_leads(450)
    seen: list[tuple[int, int]] = []
    with ScriptedServer() as server:
        settings = settings_for(server.url, connections=1)
        report = run(world, settings, progress=lambda *at: seen.append(at))
    assert report.sent == 450
    assert server.accepted == [f"{number:032x}" for number in range(1, 451)]
    assert seen[-1] == (450, 450)


def test_suppressions_are_asked_again_while_sending_goes_on(world, settings_for, monkeypatch):
    monkeypatch.setattr(refusals, "_BETWEEN_REFRESHES", 0.0)
    monkeypatch.setattr(refusals, "_ASKING_SHARE", 1.0)
    world.add_version()
    world.add_leads(450)
    last = f"{450:032x}"

    def unsubscribe() -> None:
        if server.messages:
            world.warehouse.execute("insert into decide.refused_steps values (?)", [last])

    with ScriptedServer() as server:
        report = run(world, settings_for(server.url), refresh=unsubscribe)
    assert (report.sent, report.refused) == (449, 1)
    assert last not in server.accepted


def test_what_is_suppressed_at_the_moment_of_sending_leaves_no_message(world, settings_for):
    world.add_version()
    world.add_leads(3)

    def unsubscribe() -> None:
        world.warehouse.execute("insert into decide.refused_steps values (?)", [f"{2:032x}"])

    with ScriptedServer() as server:
        report = run(world, settings_for(server.url), refresh=unsubscribe)
    assert (report.sent, report.refused) == (2, 1)
    assert set(world.outcomes()) == {f"{1:032x}", f"{3:032x}"}


def test_who_has_bought_by_the_moment_of_sending_gets_no_message_and_is_counted(world, settings_for):
    world.add_version()
    world.add_leads(3)

    def buy() -> None:
        world.warehouse.execute("insert into decide.exited_steps values (?)", [f"{2:032x}"])

    with ScriptedServer() as server:
        report = run(world, settings_for(server.url), refresh=buy)
    assert (report.sent, report.refused, report.exited_at_send, report.left_due) == (2, 0, 1, 0)
    assert set(world.outcomes()) == {f"{1:032x}", f"{3:032x}"}


def test_mail_goes_to_those_alone_that_the_setting_names_and_the_rest_stays_due(world, settings_for):
    world.add_version()
    world.add_lead(1, recipient="Lead1@Example.ORG ", address="lead1@example.org")
    world.add_lead(2)
    world.add_lead(3, recipient="x@Acme.example", address="x@acme.example")
    world.add_lead(4, recipient="x@below.acme.example", address="x@below.acme.example")
    only_to = OnlyTo.of("LEAD1@example.org, acme.example")
    with ScriptedServer() as server:
        settings = settings_for(server.url)
        report = run(world, settings.model_copy(update={"only_to": only_to}))
        assert (report.due, report.sent, report.only_to, report.left_due) == (4, 2, 2, 0)
        assert sorted(server.accepted) == [f"{1:032x}", f"{3:032x}"]
        held = world.warehouse.rows("select * from raw.held_messages order by message_id")
        assert held == [{"message_id": f"{number:032x}", "reason": "only_to"} for number in (2, 4)]
        assert set(world.outcomes()) == {f"{1:032x}", f"{3:032x}"}
        report = run(world, settings)
    assert (report.due, report.sent, report.only_to) == (2, 2, 0)
    assert world.warehouse.rows("select * from raw.held_messages") == []


def test_where_nobody_may_be_written_to_no_server_is_asked(world, settings_for):
    world.add_version()
    world.add_lead(1)
    settings = settings_for("smtp://127.0.0.1:1").model_copy(update={"only_to": OnlyTo.of("acme.example")})
    report = run(world, settings)
    assert (report.due, report.only_to, report.stopped) == (1, 1, None)


def test_a_refused_recipient_bounces_and_the_others_are_sent(world, settings_for):
    world.add_version()
    world.add_leads(4)
    with ScriptedServer(on_rcpt=lambda to: "550 5.1.1 no such user" if to.startswith("lead2@") else None) as server:
        report = run(world, settings_for(server.url, connections=1))
    assert (report.sent, report.bounced) == (3, 1)
    [bounced] = [row for row in world.log() if row["outcome"] == "bounced"]
    assert (bounced["smtp_code"], bounced["enhanced_code"], bounced["detail"]) == (550, "5.1.1", "5.1.1 no such user")


@pytest.mark.parametrize(
    ("hooks", "outcome"),
    [
        ({"on_mail": lambda _: "550 5.7.1 not from you"}, "failed"),
        ({"on_data": lambda _: "554 5.6.0 looks like spam"}, "failed"),
        ({"on_mail": lambda _: "451 4.3.0 later"}, "deferred"),
        ({"on_rcpt": lambda _: "450 4.2.0 greylisted"}, "deferred"),
        ({"on_data": lambda _: "452 4.3.1 disk full"}, "deferred"),
    ],
)
def test_a_refusal_is_judged_by_its_code_and_its_stage(world, settings_for, hooks, outcome):
    world.add_version()
    message_id = world.add_lead(1)
    with ScriptedServer(**hooks) as server:
        report = run(world, settings_for(server.url))
    assert world.outcomes() == {message_id: outcome}
    assert (getattr(report, outcome), report.stopped) == (1, None)


@pytest.mark.parametrize(
    ("attempt", "wait"),
    [(1, {"minutes": 5}), (2, {"minutes": 30}), (3, {"hours": 2}), (4, {"hours": 8}), (5, {"hours": 24})],
)
def test_a_deferred_message_may_be_repeated_ever_later(world, settings_for, attempt, wait):
    world.add_version()
    world.add_lead(1, attempt=attempt)
    with ScriptedServer(on_rcpt=lambda _: "450 4.2.0 greylisted") as server:
        run(world, settings_for(server.url))
    assert world.log()[0]["retry_at"] == AS_OF + timedelta(**wait)


def test_the_sixth_deferral_is_a_failure(world, settings_for):
    world.add_version()
    world.add_lead(1, attempt=6)
    with ScriptedServer(on_rcpt=lambda _: "450 4.2.0 greylisted") as server:
        report = run(world, settings_for(server.url))
    [row] = world.log()
    assert (report.failed, row["outcome"], row["retry_at"]) == (1, "failed", None)
    assert row["detail"] == "gave up after 6 attempts: 4.2.0 greylisted"


def test_a_deferred_message_is_claimed_again_at_its_next_attempt_only(world, settings_for):
    world.add_version()
    message_id = world.add_lead(1)
    with ScriptedServer(on_rcpt=lambda _: "450 later") as server:
        run(world, settings_for(server.url))
    with ScriptedServer() as server:
        assert run(world, settings_for(server.url)).due == 0
        world.warehouse.execute("update decide.due_steps set attempt = 2")
        assert run(world, settings_for(server.url)).sent == 1
    assert [(row["attempt"], row["outcome"]) for row in world.log()] == [(1, "deferred"), (2, "sent")]
    assert server.accepted == [message_id]


def test_a_template_error_fails_its_own_message_only(world, settings_for):
    world.add_version()
    world.add_leads(3)
    broken = world.add_lead(4, name=None)
    with ScriptedServer() as server:
        report = run(world, settings_for(server.url))
    assert (report.sent, report.failed) == (3, 1)
    [row] = [row for row in world.log() if row["message_id"] == broken]
    assert (row["outcome"], row["detail"]) == ("failed", "render_error: subject: lead.first_name has no value")


def test_a_line_break_in_a_landed_value_makes_no_header(world, settings_for):
    world.add_version()
    world.add_lead(1, name="Ada\r\nBcc: all@example.org\r\n\r\nBuy", sender_name="Ada\nX-Evil: yes")
    with ScriptedServer() as server:
        run(world, settings_for(server.url))
    [message] = server.messages
    assert message["Subject"] == "Hello Ada Bcc: all@example.org Buy"
    assert message["Bcc"] is None
    assert message["X-Evil"] is None


def test_an_address_with_a_line_break_fails_without_reaching_the_server(world, settings_for):
    world.add_version()
    world.add_lead(1, recipient="a@example.org>\r\nRCPT TO:<b@example.org")
    with ScriptedServer() as server:
        report = run(world, settings_for(server.url))
    assert (report.failed, server.messages) == (1, [])
    assert world.log()[0]["detail"].startswith("bad_address: ")


def test_no_mail_server_is_an_error_only_when_something_is_due(world, settings_for):
    from dagster_drips.settings import Settings

    settings = Settings(smtp_url=None)
    assert run(world, settings).due == 0
    world.add_version()
    world.add_lead(1)
    with pytest.raises(DripsError, match="DRIPS_SMTP_URL"):
        run(world, settings)


def test_rows_decided_for_another_tick_are_not_sent(world, settings_for):
    world.add_version()
    world.add_lead(1, as_of=AS_OF - timedelta(hours=1))
    with ScriptedServer() as server, pytest.raises(DripsError, match="not for this tick"):
        run(world, settings_for(server.url))
    assert server.messages == []


def test_a_version_that_the_journal_lacks_fails_its_messages_only(world, settings_for):
    world.add_version()
    there, gone = world.add_lead(1), world.add_lead(2, version_id="v0")
    with ScriptedServer() as server:
        run(world, settings_for(server.url))
    assert world.outcomes() == {there: "sent", gone: "failed"}
    assert "the journal has no version v0 of sequence welcome" in world.log()[1]["detail"]


def test_a_second_send_at_the_same_time_is_refused(world, settings_for):
    world.add_version()
    world.add_lead(1)
    refusals: list[str] = []

    def try_another():
        with pytest.raises(DripsError) as refused:
            run(world, settings_for("smtp://127.0.0.1:1"))
        refusals.append(refused.value.message)

    with ScriptedServer() as server:
        assert run(world, settings_for(server.url), refresh=try_another).sent == 1
    assert refusals == ["another send is running; wait for it to end"]


def test_the_triggering_event_and_custom_fields_reach_the_template(world, settings_for):
    world.add_version({"hello.html": "<p>{{ event.properties.items }} items, {{ event.value }}, {{ lead.plan }}</p>"})
    world.add_lead(1, trigger_kind="event", occurrence_id="ev1")
    world.warehouse.execute("update staging.stg_leads set plan = 'pro & more'")
    world.warehouse.execute(
        "insert into raw.events by name select 'ev1' as event_id, 'lead1' as lead_id, 'cart' as event,"
        " ? as occurred_at,"
        """ '{"items": 2}' as properties, 9.5 as value, 1 as _load, 1 as _line""",
        [AS_OF],
    )
    with ScriptedServer() as server:
        run(world, settings_for(server.url))
    html = server.messages[0].get_body(("html",))
    assert html is not None
    assert html.get_content().strip() == "<p>2 items, 9.5000, pro &amp; more</p>"


def test_the_time_may_be_read_from_the_warehouse(world, settings_for):
    world.add_version()
    world.add_leads(250)
    with ScriptedServer() as server:
        settings = settings_for(server.url, connections=4)
        report = dispatch(
            world.project,
            world.warehouse,
            settings,
            as_of=AS_OF,
            now=lambda: world.warehouse.value("select max(as_of) from decide.due_steps"),
        )
    assert report.sent == 250


def test_the_sink_keeps_each_message_under_its_id(world, settings_for):
    world.add_version()
    world.add_leads(3)
    with MailSink(world.project.outbox) as sink:
        run(world, settings_for(sink.url))
    names = sorted(path.name for path in world.project.outbox.iterdir())
    assert names == [f"{number:032x}.eml" for number in (1, 2, 3)]


def test_deleting_the_warehouse_and_folding_gives_the_same_log(world, settings_for):
    world.add_version()
    world.add_leads(5)
    with ScriptedServer(on_rcpt=lambda to: "550 no" if to.startswith("lead3@") else None) as server:
        run(world, settings_for(server.url))
    rows = world.log()
    with open_warehouse(world.project.data / "rebuilt.duckdb") as rebuilt:
        ingest_deliveries(world.project, rebuilt)
        assert rebuilt.rows("select * from raw.delivery_log order by message_id, attempt") == rows
    assert len(list(deliveries(world.project).iterdir())) == 1
