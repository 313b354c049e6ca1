"""The list of machines as it is shipped (M6): which user agents are a machine's, and by which of its patterns.

No unit test of dbt's, which would fail in a project that has a list of its own.
"""

from __future__ import annotations

import duckdb
import pytest
from conftest import DBT_PACKAGE
from dbt_models import rendered

AGENTS = {
    # Apple's prefetch is this and nothing more.
    "Mozilla/5.0": r"^Mozilla/5\.0$",
    # Google's image proxy fetches when a person opens.
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)": None,
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": None,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)": None,
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; ms-office; MSOffice 16)": None,
    "Mozilla/5.0 (compatible; mimecast URL check)": "Mimecast",
    "Mozilla/5.0 (compatible; Examplebot/2.1; +https://bot.example)": "[a-z]bot/",
    # What several patterns match has the first.
    "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/126.0.0.0 Safari/537.36": "HeadlessChrome",
}


@pytest.fixture(scope="module")
def facts() -> dict[str | None, tuple[bool, str | None]]:
    """Of opens by each of these, by nobody known, and an answer: whether it is human, and the pattern."""
    with duckdb.connect() as database:
        database.execute("create schema staging")
        database.execute(
            f"create table staging.machine_user_agents as from '{DBT_PACKAGE / 'seeds' / 'machine_user_agents.csv'}'"
        )
        database.execute(
            "create table states as select 'm' as message_id, 'e' as enrollment_id, 's' as sequence_id,"
            " 'one' as step_id, 'l' as lead_id, 'a@x' as address, timestamp '2026-01-05' as sent_as_of,"
            " timestamp '2026-01-05' as recorded_at, 'sent' as status, false as was_in_doubt"
        )
        database.execute(
            "create table engagement (engagement_id varchar, message_id varchar, type varchar, occurred_at timestamp,"
            " topic varchar, url varchar, user_agent varchar, bounce_class varchar)"
        )
        told = [("nobody", "opened", None), ("answer", "replied", "Mozilla/5.0")]
        told += [(agent, "opened", agent) for agent in AGENTS]
        database.executemany(
            "insert into engagement values (?, 'm', ?, '2026-01-05 01:00:00', null, null, ?, null)", told
        )
        sql = rendered("{{ engagement_facts_of('engagement', 'states') }}")
        rows = database.sql(f"select engagement_id, is_human, machine_rule from ({sql})").fetchall()
    return {name: (is_human, rule) for name, is_human, rule in rows}


@pytest.mark.parametrize(("agent", "pattern"), AGENTS.items())
def test_a_user_agent_is_a_machines_by_the_first_pattern_that_matches(facts, agent: str, pattern: str | None) -> None:
    assert facts[agent] == (pattern is None, pattern)


def test_who_says_nothing_and_who_answers_is_a_person(facts) -> None:
    assert facts["nobody"] == (True, None)
    assert facts["answer"] == (True, None)
