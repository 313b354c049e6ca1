"""The report's numbers: which week, what adds up, and what is told of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_drips import metrics
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.publish import DATABASE
from dagster_drips.project import Project
from dagster_drips.report import numbers as numbers_module
from dagster_drips.report.charts import charts_of
from dagster_drips.report.numbers import Numbers, read_numbers
from dagster_drips.report.page import attention, html_of, subject_of
from dagster_drips.report.weeks import Week, is_time
from dagster_drips.sequences.notices import Report
from dagster_drips.warehouse import open_warehouse

from .conftest import WEEK, make_project, write_marts


@pytest.fixture(scope="module")
def numbers(made: Project) -> Numbers:
    return read_numbers(made, WEEK)


@pytest.mark.parametrize(
    ("name", "this", "before"),
    [
        ("sent", 200, 57),
        ("delivered", 190, 57),
        ("opened", 95, 21),
        ("bounced", 10, 0),
        ("net_growth", 10, 4),
        # An order that counts for two sequences is one, control's is none, and one that is no first is an order only.
        ("conversions", 2, 1),
        ("orders", 3, 1),
    ],
)
def test_a_count_is_of_monday_to_sunday(numbers: Numbers, name: str, this: int, before: int) -> None:
    assert (numbers.this[name], numbers.before[name]) == (this, before)


def test_money_is_by_currency_and_an_order_once(numbers: Numbers) -> None:
    money = {row["currency"]: (row["gross_this"], row["gross_before"], row["refunds_this"]) for row in numbers.money}
    assert money == {"EUR": (120, 60, 20), "USD": (80, 0, 0)}
    [cart] = [row for row in numbers.sequences if row["sequence_id"] == "cart"]
    assert cart["money"] == [("EUR", Decimal(120)), ("USD", Decimal(80))]
    assert (cart["sent"], cart["sent_before"], cart["conversions"]) == (200, 50, 2)


def test_each_day_of_both_weeks_is_there_once(numbers: Numbers) -> None:
    days = [(row["is_this"], row["number"], row["sent"]) for row in numbers.days]
    assert [(is_this, number) for is_this, number, _ in days] == [
        (one, day) for one in (False, True) for day in range(7)
    ]
    assert [sent for _, _, sent in days] == [0, 7, 0, 0, 0, 0, 50, 100, 0, 0, 0, 0, 0, 100]


def test_what_wants_a_look(numbers: Numbers) -> None:
    told = attention(numbers)
    assert [line.partition(":")[0] for line in told] == ["Google", "news@acme.example", "Quiet"]
    assert "0.62\u00a0% of the mail was marked as spam" in told[0]
    assert "sent 7 mails the week before" in told[2]


def test_the_page_tells_it_and_stands_by_itself(numbers: Numbers) -> None:
    charts = charts_of(numbers)
    assert [chart.name for chart in charts] == ["sent.png", "engaged.png", "sequences.png", "revenue.png"]
    assert all(chart.png.startswith(b"\x89PNG") and 60 < chart.height < 600 and chart.alt for chart in charts)
    page = html_of(numbers, charts, project="shop", inline=True)
    assert "Abandoned cart &lt;b&gt;" in page
    assert page.count('src="data:image/png;base64,') == 4
    assert "http" not in page.replace("http-equiv", "")
    assert "+251\u00a0%" in page, "200 after 57"
    assert "€120.00" in page
    assert "$80.00" in page
    assert subject_of(numbers, "shop") == "shop, week 2026-W10: 200 mails sent (+251\u00a0%)"
    mail = html_of(numbers, charts, project="shop", inline=False)
    assert mail.count('src="cid:') == 4
    assert len(mail.encode()) < 102 * 1024, "Gmail clips it there"


def test_a_week_without_anything_has_a_page(tmp_path: Path) -> None:
    empty = make_project(tmp_path / "shop", "insert into marts.pipeline_latency (as_of) values ('2026-03-09 07:00')")
    numbers = read_numbers(empty, WEEK)
    assert charts_of(numbers) == []
    assert "Nothing wants a look." in html_of(numbers, [], project="shop", inline=True)


def test_every_statement_fits_the_contracts_of_the_marts(tmp_path: Path) -> None:
    write_marts(tmp_path / DATABASE)
    with open_warehouse(tmp_path / DATABASE, read_only=True) as published:
        for sql in (*numbers_module._STATEMENTS.values(), *metrics._STATEMENTS.values()):
            published.rows(sql, {"start": WEEK.monday} if "$start" in sql else ())


@pytest.mark.parametrize(
    ("now", "week"),
    [("2026-03-08T23:59:59", "2026-W09"), ("2026-03-09T00:00:00", "2026-W10"), ("2027-01-04T00:00:00", "2026-W53")],
)
def test_the_last_week_is_the_one_that_is_over(now: str, week: str) -> None:
    assert str(Week.before(datetime.fromisoformat(now))) == week
    assert str(Week.parse(week)) == week


@pytest.mark.parametrize("text", ["2026-W54", "2026-48", "W48", "", "2026-W00"])
def test_no_week(text: str) -> None:
    with pytest.raises(DripsError, match="write it like 2026-W48"):
        Week.parse(text)


@pytest.mark.parametrize(
    ("now", "is_it"),
    [("2026-03-09T06:59", False), ("2026-03-09T07:00", True), ("2026-03-10T00:30", True), ("2026-03-15T22:59", True)],
)
def test_its_hour_is_by_the_clocks_of_the_project(now: str, is_it: bool) -> None:
    report = Report(to=["a@acme.example"])
    assert is_time(report, "Europe/Berlin", datetime.fromisoformat(now)) is is_it
