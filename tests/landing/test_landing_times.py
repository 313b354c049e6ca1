"""Times as the large warehouses and APIs export them."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from dagster_drips.landing.times import TIMES_TAKEN, parse_time

TEN = datetime(2026, 1, 31, 10)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 10:00:00 UTC",  # BigQuery
        "2026-01-31 10:00:00.000 +0000",  # Snowflake
        "Sat, 31 Jan 2026 10:00:00 +0000",  # Snowflake's older default, HTTP and mail
        "Sat, 31 Jan 2026 10:00:00 GMT",
        "31 Jan 2026 11:00 +0100",
        "2026-01-31 10:00:00+00",  # PostgreSQL, Redshift, DuckDB
        "2026-01-31 05:00:00-05",
        "2026-01-31 10:00:00.0000000 +00:00",  # SQL Server
        "2026-01-31T10:00:00.000000000Z",  # Spark, Go
        "2026-01-31T10:00:00.000+0000",  # Salesforce
        "2026-01-31T11:00:00+01:00[Europe/Paris]",  # RFC 9557, Java
        "2026-01-31T10:00:00Z[UTC]",
        "2026-01-31t10:00:00z",  # RFC 3339 5.6
        "20260131T100000Z",
        "2026/01/31 10:00:00",
        "2026-01-31 10:00:00,000",
        "1769853600",  # Stripe
        "1769853600.0",
        "1769853600000",  # pandas, HubSpot
        "1769853600000000",  # Firebase
        "1769853600000000000",
        " 2026-01-31 10:00:00 UTC ",
    ],
)
def test_a_time_as_others_export_it(text):
    assert parse_time(text) == TEN


def test_digits_beyond_microseconds_are_cut_off():
    for text in ("2026-01-31T10:00:00.1234569Z", "1769853600.1234569", "1769853600123456999"):
        assert parse_time(text) == datetime(2026, 1, 31, 10, 0, 0, 123456)


@pytest.mark.parametrize(
    "text",
    [
        "01/02/2026",
        "1/2/26",
        "31.01.2026 10:00",
        "01/02/2026 10:00 PM",
        "46053.4166",  # Excel's days since 1900
        "46053,4166",
        "20260131",
        "202601311000",
        "20260131100000",
        "946684799",  # 1999
        "9999999999",
        "1.76985E+12",
    ],
)
def test_what_may_mean_something_else_is_refused_with_what_is_taken(text):
    with pytest.raises(ValueError, match="not a time: ") as refused:
        parse_time(text)
    assert str(refused.value) == f"not a time: {text!r}; {TIMES_TAKEN}"


@pytest.mark.parametrize("text", ["infinity", "2026-01-31 10:00:00 PST", "2026-01-31 BC", "noon", "5", "-1769853600"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="not a time"):
        parse_time(text)


@pytest.mark.parametrize("number", [1769853600, 1769853600000, 1769853600000000])
def test_numbers_in_json_are_epochs(landing, number):
    landing.put_rows("leads/1.jsonl", {"lead_id": 1, "created_at": number, "seen_at": number, "since": 1769817600000})
    landing.put("leads/2.csv", f"lead_id,created_at\n2,{number}\n")
    landing.load(fields={"seen_at": "timestamp", "since": "date"})
    assert landing.rejected() == []
    assert landing.rows("leads", "created_at", "seen_at", "since") == [(TEN, TEN, date(2026, 1, 31)), (TEN, None, None)]


def test_fields_that_may_mean_something_else_are_refused_with_what_is_taken(landing):
    landing.put("leads/1.csv", "lead_id,created_at,seen_at,since\n1,2026-01-01,46053,\n2,2026-01-01,,01/02/2026\n")
    landing.load(fields={"seen_at": "timestamp", "since": "date"})
    assert landing.reasons() == [
        f"seen_at: not a timestamp: '46053'; {TIMES_TAKEN}",
        f"since: not a date: '01/02/2026'; {TIMES_TAKEN}",
    ]
