"""MetricFlow's answers over what is published are the marts' numbers, with dbt-core and DuckDB as they are locked.

What docs/bi.md says to type is typed here. MetricFlow has an environment of its own: this project does not need it.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import DBT_PACKAGE
from own_environments import environment, locked

from dagster_drips.pipeline.dbt_package import copied_without, link_package
from dagster_drips.project import Project

pytestmark = pytest.mark.slow

METRICS = yaml.safe_load((DBT_PACKAGE / "models/semantic/_metrics.yml").read_text())["metrics"]
BY_SEQUENCE = [
    "sent",
    "delivered",
    "opened",
    "clicked",
    "unsubscribed",
    "complained",
    "replied",
    "bounced",
    "failed",
    "in_doubt",
    "answered",
    "delivered_tracked",
    "delivery_rate",
    "open_rate",
    "click_rate",
    "click_to_open_rate",
    "bounce_rate",
    "unsubscribe_rate",
    "complaint_rate",
    "reply_rate",
    "converted",
    "convertible",
    "conversion_rate",
]
"""Metrics of the same name as a column of `marts.sequence_performance`."""
OF_ORDERS = ("conversions", "orders", "gross_revenue", "refunds", "net_revenue")


@dataclass(frozen=True)
class MetricFlow:
    programs: Path
    folder: Path
    published: Path

    def run(self, *command: str) -> str:
        environment = os.environ | {
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "DBT_PROFILES_DIR": ".",
            "DRIPS_TARGET": "published",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def query(self, metrics: Iterable[str], by: str, *more: str) -> dict[tuple[str, ...], tuple[float, ...]]:
        """Numbers by what they are grouped by; NULL and nothing are 0."""
        file = self.folder / "answer.csv"
        file.unlink(missing_ok=True)
        asked = list(metrics)
        self.run("mf", "query", "--metrics", ",".join(asked), "--group-by", by, "--csv", str(file), *more)
        keys = len(by.split(","))
        with file.open(encoding="utf-8", newline="") as lines:
            head, *rows = csv.reader(lines)
        assert head[keys:] == asked
        return {tuple(row[:keys]): _numbers(row[keys:]) for row in rows}

    def mart(self, sql: str, keys: int = 1) -> dict[tuple[str, ...], tuple[float, ...]]:
        with duckdb.connect(self.published, read_only=True) as database:
            rows = database.execute(sql).fetchall()
        return {tuple("" if cell is None else str(cell) for cell in row[:keys]): _numbers(row[keys:]) for row in rows}


def _numbers(cells: Iterable[Any]) -> tuple[float, ...]:
    return tuple(round(float(cell or 0), 6) for cell in cells)


@pytest.fixture(scope="module")
def metricflow(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> MetricFlow:
    programs = environment("dbt-metricflow==0.15.0", *locked("dbt-core", "dbt-duckdb", "duckdb"))
    root = tmp_path_factory.mktemp("metricflow")
    shutil.copytree(demo.dbt, root / "dbt_project", ignore=copied_without("target", "logs"))
    link_package(root / "dbt_project")
    (root / "data").symlink_to(demo.data)
    found = MetricFlow(programs, root / "dbt_project", demo.published / "drips.duckdb")
    found.run("dbt", "parse", "--quiet")
    return found


def test_messages_and_people_of_a_sequence_are_those_of_its_mart(metricflow: MetricFlow) -> None:
    answer = metricflow.query(BY_SEQUENCE, "sequence")
    columns = ", ".join(BY_SEQUENCE)
    mart = metricflow.mart(f"select sequence_id, {columns} from marts.sequence_performance where enrolled_total > 0")
    assert answer == mart
    totals = dict(zip(BY_SEQUENCE, map(sum, zip(*mart.values(), strict=True)), strict=True))
    assert [name for name in ("sent", "opened", "clicked", "bounced", "failed", "converted") if not totals[name]] == []


def test_orders_and_money_of_a_sequence_are_those_of_its_mart(metricflow: MetricFlow) -> None:
    metrics = [f"sequence_{name}" for name in OF_ORDERS]
    answer = metricflow.query(metrics, "sequence,sequence_day__currency")
    columns = ", ".join(OF_ORDERS)
    mart = metricflow.mart(
        f"select sequence_id, currency, {columns} from marts.sequence_performance where orders > 0", keys=2
    )
    assert mart
    assert answer == mart


def test_days_are_those_of_the_daily_mart_and_a_window_reaches_back_seven(metricflow: MetricFlow) -> None:
    answer = metricflow.query(["sent", "sent_in_seven_days"], "metric_time__day")
    mart = metricflow.mart(
        """
        select
            strftime(days.day, '%Y-%m-%d 00:00:00') as day,
            (select sum(sent) from marts.sequence_performance_daily as daily where daily.day = days.day) as sent,
            (
                select sum(sent) from marts.sequence_performance_daily as daily
                where daily.day between days.day - 6 and days.day
            ) as sent_in_seven_days
        from marts.days
        """
    )
    assert {key: numbers for key, numbers in answer.items() if any(numbers)} == {
        key: numbers for key, numbers in mart.items() if any(numbers)
    }
    assert sum(any(numbers) for numbers in mart.values()) >= 3


def test_senders_and_domains_are_those_of_deliverability(metricflow: MetricFlow) -> None:
    names = ["sent", "delivered", "bounced", "answered", "bounce_rate"]
    answer = metricflow.query(names, "message__sender,message__recipient_domain")
    mart = metricflow.mart(
        """
        select sender, recipient_domain, sum(sent), sum(delivered), sum(bounced), sum(answered),
            sum(bounced + refused) / sum(answered)
        from marts.deliverability
        group by all
        """,
        keys=2,
    )
    assert answer == mart


def test_sales_are_everybody_s(metricflow: MetricFlow) -> None:
    answer = metricflow.query(["sales", "gross_revenue", "refunds", "net_revenue"], "sale__currency")
    mart = metricflow.mart(
        """
        select coalesce(currency, ''), count(*) filter (where not is_refund), sum(gross_revenue), sum(refunds),
            sum(net_revenue)
        from marts.sales
        group by all
        """
    )
    assert answer == mart


def test_segments_and_enrollments_can_be_asked_for(metricflow: MetricFlow) -> None:
    assert metricflow.query(["segment_entered", "segment_left"], "segment_day__segment") == metricflow.mart(
        'select segment, sum(entered), sum("left") from marts.segment_sizes group by segment'
    )
    assert metricflow.query(["enrollments"], "enrollment__arm,sequence__name") == metricflow.mart(
        """
        select arm, name, count(*)
        from marts.enrollments
        inner join marts.sequence_performance using (sequence_id)
        group by all
        """,
        keys=2,
    )


def test_a_rate_can_be_asked_for_by_what_is_known_of_leads(metricflow: MetricFlow) -> None:
    where = "{{ Dimension('message__step_id') }} <> 'reminder'"
    answer = metricflow.query(["open_rate"], "lead__country", "--where", where)
    mart = metricflow.mart(
        """
        select coalesce(country, ''), count(*) filter (where is_delivered and human_opens > 0)
            / nullif(count(*) filter (where is_delivered and is_tracked), 0)
        from marts.messages
        left join marts.lead_profiles using (lead_id)
        where step_id <> 'reminder'
        group by all
        """
    )
    assert answer == mart


def test_what_the_project_ships_is_valid_against_what_is_published(metricflow: MetricFlow) -> None:
    told = metricflow.run("mf", "validate-configs")
    assert "ERRORS: 0" in told


def test_every_metric_is_asked_for_somewhere_here() -> None:
    asked = {
        *BY_SEQUENCE,
        *(f"sequence_{name}" for name in OF_ORDERS),
        *("sent_in_seven_days", "sales", "gross_revenue", "refunds", "net_revenue"),
        *("segment_entered", "segment_left", "enrollments"),
    }
    # A part of a rate that no mart has a column of.
    assert {metric["name"] for metric in METRICS} - asked == {"bounced_or_refused"}
