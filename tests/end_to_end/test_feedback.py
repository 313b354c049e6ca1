"""What comes back and what is made of it: soft bounces in a row, and rules for machines that change for all history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import DBT_PACKAGE
from shop import Shop, new_shop

from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.smtp.sink import MailSink
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

OPENS = "select opens, human_opens, first_opened_at is not null as opened from marts.messages"
PERFORMANCE = "select sent, opened, opened_by_any, opens, human_opens, open_rate from marts.sequence_performance"
RULES = "select rules_version, sum(opens) as opens, count(*) as rules from marts.machine_rules group by all"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return new_shop(tmp_path)


def _message(shop: Shop) -> str:
    return shop.rows("select message_id from marts.messages")[0]["message_id"]


def test_soft_bounces_in_a_row_end_the_mail_where_the_project_says_so(shop: Shop) -> None:
    (shop.project.sequences / "project.yml").write_text("soft_bounces: {count: 2, over: {hours: 24}}\n")
    with MailSink(shop.project.outbox) as sink:
        shop.sign_up("ann")
        shop.tick(sink.url)
        bounce = {"message_id": _message(shop), "type": "bounced", "bounce_class": "soft"}
        first = shop.now + timedelta(hours=1)
        shop.land("engagement", [bounce | {"occurred_at": first.isoformat()}])
        shop.tick(sink.url, hours=2)
        assert [row["status"] for row in shop.enrollments("ann")] == ["active"]
        shop.land("engagement", [bounce | {"occurred_at": (first + timedelta(hours=24)).isoformat()}])
        shop.tick(sink.url, hours=24)
    assert [(row["status"], row["exit_reason"]) for row in shop.enrollments("ann")] == [("exited", "bounced")]


ENDING = """
active_from: 2026-01-01T00:00:00Z
status: active
sender: {name: Ada, email: ada@acme.example}
trigger: {event: welcome}
goal: {event: purchase, where: {plan: pro}}
exit_on: {events: [cancelled], replied: true}
steps:
  - {id: hello, subject: Hello, template: mail.html}
  - {id: offer, delay: {hours: 1}, subject: Offer, template: mail.html}
"""


def test_who_bought_left_or_answered_between_deciding_and_sending_gets_no_mail(shop: Shop) -> None:
    shop.add_sequence("welcome").write_text(ENDING)
    log = "select lead_id, message_id from raw.delivery_log where outcome = 'sent' and step_id = ?"

    @contextmanager
    def landing(phase: str) -> Iterator[None]:
        if phase == "send":
            did = {"ann": ("purchase", "pro"), "bob": ("cancelled", None), "cyd": ("purchase", "free")}
            at = shop.now.isoformat()
            events = [
                {"event_id": name, "lead_id": name, "event": event, "occurred_at": at, "plan": plan}
                for name, (event, plan) in did.items()
            ]
            shop.land("events", events)
            shop.land("engagement", [{"message_id": hello["dan"], "type": "replied", "occurred_at": at}])
        yield

    with MailSink(shop.project.outbox) as sink:
        shop.sign_up("ann", "bob", "cyd", "dan")
        shop.tick(sink.url)
        with open_warehouse(shop.project.warehouse, read_only=True) as warehouse:
            hello = {row["lead_id"]: row["message_id"] for row in warehouse.rows(log, ["hello"])}
        decided, sent = shop.tick(sink.url, around=landing)
        assert (decided.due, sent.due, sent.sent, sent.exited_at_send, sent.left_due) == (4, 4, 1, 3, 0)
        decided, sent = shop.tick(sink.url)
    assert (decided.exited, decided.due, sent.due) == (3, 0, 0)
    with open_warehouse(shop.project.warehouse, read_only=True) as warehouse:
        assert [row["lead_id"] for row in warehouse.rows(log, ["offer"])] == ["cyd"]
        reasons = warehouse.rows(
            "select exit_reason from journal.enrollment_closings where status = 'exited' order by all"
        )
        assert [row["exit_reason"] for row in reasons] == ["converted", "exit_event", "replied"]
        assert warehouse.rows("select * from journal.skipped_steps") == []


def test_a_changed_list_of_machines_changes_all_history_at_the_next_tick(shop: Shop) -> None:
    with MailSink(shop.project.outbox) as sink:
        shop.sign_up("ann")
        shop.tick(sink.url)
        opened = {"message_id": _message(shop), "type": "opened", "occurred_at": shop.now.isoformat()}
        shop.land("engagement", [opened | {"user_agent": "Gatekeeper 7.1"}, opened | {"user_agent": "Mozilla/5.0"}])
        shop.tick(sink.url)
        assert shop.rows(OPENS) == [{"opens": 2, "human_opens": 1, "opened": True}]
        [rules] = shop.rows(RULES)
        assert rules["opens"] == 1

        seed = shop.project.dbt / "seeds" / "machine_user_agents.csv"
        seed.parent.mkdir()
        shipped = (DBT_PACKAGE / "seeds" / seed.name).read_text()
        seed.write_text(f"{shipped}^gatekeeper,a mail filter,https://gatekeeper.example/,2\n")
        settings = shop.project.dbt / "dbt_project.yml"
        settings.write_text(
            settings.read_text().replace(
                "seeds:\n  project", "seeds:\n  drips: {machine_user_agents: {+enabled: false}}\n  project"
            )
        )
        shop._pipeline = Pipeline.of(shop.project)  # as in a process of its own
        shop.tick(sink.url)
        assert shop.rows(OPENS) == [{"opens": 2, "human_opens": 0, "opened": False}]
        [changed] = shop.rows(RULES)
        assert (changed["opens"], changed["rules"]) == (2, rules["rules"] + 1)
        assert changed["rules_version"] != rules["rules_version"]
        assert shop.rows(PERFORMANCE) == [
            {"sent": 1, "opened": 0, "opened_by_any": 1, "opens": 2, "human_opens": 0, "open_rate": 0.0}
        ]
