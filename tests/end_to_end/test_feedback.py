"""What comes back and what is made of it: soft bounces in a row, and rules for machines that change for all history."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from shop import Shop, new_shop

from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.smtp.sink import MailSink

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
        seed.write_text(seed.read_text() + "^gatekeeper,a mail filter,https://gatekeeper.example/,2\n")
        shop._pipeline = Pipeline.of(shop.project)  # as in a process of its own
        shop.tick(sink.url)
        assert shop.rows(OPENS) == [{"opens": 2, "human_opens": 0, "opened": False}]
        [changed] = shop.rows(RULES)
        assert (changed["opens"], changed["rules"]) == (2, rules["rules"] + 1)
        assert changed["rules_version"] != rules["rules_version"]
        assert shop.rows(PERFORMANCE) == [
            {"sent": 1, "opened": 0, "opened_by_any": 1, "opens": 2, "human_opens": 0, "open_rate": 0.0}
        ]
