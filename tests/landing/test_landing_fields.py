"""Custom fields of leads: columns of their own, of the declared type."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from dagster_drips.errors import DripsError

from .landing_rows import lead

TYPES = {
    "plan_seats": "integer",
    "score": "number",
    "is_vip": "boolean",
    "renewal": "date",
    "seen_at": "timestamp",
    "note": "text",
}


def test_undeclared_columns_are_text_under_their_name(landing):
    landing.put_rows(
        "leads/1.jsonl", lead(**{"Plan Name": "pro", 'a"b': 1.0}), lead(lead_id="L2", nested={"x": [1]}, flag=True)
    )
    landing.put("leads/2.csv", "lead_id,created_at,size\nL3,2026-01-01,5\n")
    landing.load()
    assert landing.rejected() == []
    columns = landing.warehouse.columns("raw.leads")
    assert [columns[name] for name in ("Plan Name", 'a"b', "nested", "flag", "size")] == ["VARCHAR"] * 5
    assert landing.rows("leads", "Plan Name", 'a"b', "nested", "flag", "size") == [
        ("pro", "1.0", None, None, None),
        (None, None, '{"x": [1]}', "true", None),
        (None, None, None, None, "5"),
    ]


def test_declared_fields_have_their_type_and_blank_is_null(landing):
    landing.put_rows(
        "leads/1.jsonl",
        lead(plan_seats=5, score=1.5, is_vip=True, renewal="2026-02-01", seen_at="2026-01-01T01:00:00+01:00", note=7),
        lead(lead_id="L2", plan_seats="5.0", score="1e3", is_vip="No", renewal="2026-02-01T00:00:00Z", note=""),
        lead(lead_id="L3", plan_seats="", score=" ", is_vip="", renewal="", seen_at="", note=None),
    )
    landing.load(fields=TYPES)
    assert landing.rejected() == []
    assert landing.rows("leads", *TYPES) == [
        (5, 1.5, True, date(2026, 2, 1), datetime(2026, 1, 1), "7"),
        (5, 1000.0, False, date(2026, 2, 1), None, ""),
        (None, None, None, None, None, None),
    ]


MISFITS = [
    ({"plan_seats": "x"}, "plan_seats: not an integer: 'x'"),
    ({"plan_seats": 1.5}, "plan_seats: not an integer: '1.5'"),
    ({"plan_seats": 2**63}, "plan_seats: not an integer: '9223372036854775808'"),
    ({"plan_seats": True}, "plan_seats: not an integer: 'true'"),
    ({"score": "high"}, "score: not a number: 'high'"),
    ({"score": "1e999"}, "score: not a number: '1e999'"),
    ({"is_vip": "maybe"}, "is_vip: not a boolean: 'maybe'"),
    ({"renewal": "soon"}, "renewal: not a date: 'soon'"),
    ({"renewal": "2026-02-01T10:00:00Z"}, "renewal: not a date: '2026-02-01T10:00:00Z'"),
    ({"seen_at": "2026-02-30"}, "seen_at: day is out of range for month"),
    ({"seen_at": 5}, "seen_at: not a timestamp: '5'"),
]


def test_values_that_do_not_fit_their_declared_type_are_rejected(landing):
    landing.put_rows("leads/1.jsonl", *(lead(**changes) for changes, _ in MISFITS), lead(lead_id="L2"))
    landing.load(fields=TYPES)
    assert landing.rows("leads", "lead_id") == ["L2"]
    assert landing.rejected() == [(line, reason) for line, (_, reason) in enumerate(MISFITS, 1)]


def test_declared_fields_have_a_column_before_any_lead_has_them(landing):
    landing.load(fields=TYPES)
    columns = landing.warehouse.columns("raw.leads")
    assert [columns[name] for name in TYPES] == ["BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "VARCHAR"]


def test_names_that_differ_only_in_case_are_one_column(landing):
    landing.put_rows("leads/1.jsonl", lead(Plan="pro", Company="A"))
    landing.put_rows(
        "leads/2.jsonl", lead(lead_id="L2", plan="free", PLAN=None), {**lead(lead_id="L3"), "pLAN": "x", "Plan": None}
    )
    landing.load()
    assert landing.rows("leads", "Plan", "company") == [("pro", "A"), ("free", None), ("x", None)]


def test_a_field_declared_later_changes_its_column_and_tells_what_did_not_fit(landing):
    landing.put_rows("leads/1.jsonl", lead(plan_seats="5"), lead(lead_id="L2", plan_seats="many"))
    landing.load()
    report = landing.load(fields={"plan_seats": "integer"})["leads"]
    assert landing.rows("leads", "plan_seats") == [5, None]
    assert report.rejected == 1
    assert landing.reasons() == ["plan_seats: 1 earlier values do not fit the field's new type and are empty now"]
    landing.load(fields={})
    assert landing.rows("leads", "plan_seats") == ["5", None]
    assert landing.warehouse.columns("raw.leads")["plan_seats"] == "VARCHAR"


@pytest.mark.parametrize("fields", [{"x": "money"}, {"_load": "text"}, {"_LINE_x": "text"}, {" ": "text"}])
def test_a_declaration_that_can_not_be_is_an_error(landing, fields):
    with pytest.raises(DripsError):
        landing.load(fields=fields)


def test_custom_fields_make_no_difference_to_a_load_of_their_repetition(landing):
    landing.put_rows("leads/1.jsonl", lead(score=1.0), lead(lead_id="L2", tags=["a"], score=None))
    landing.load(fields=TYPES)
    landing.put_rows("leads/2.jsonl", lead(score="1"), lead(lead_id="L2", tags="a"))
    assert landing.load(fields=TYPES)["leads"].duplicates == 2


def test_a_row_may_say_which_columns_it_is_about(landing):
    landing.put_rows(
        "leads/1.jsonl",
        {"lead_id": "a", "created_at": "2026-01-01", "plan": "pro", "changed_fields": ["plan"]},
        {"lead_id": "b", "created_at": "2026-01-01", "changed_fields": []},
        {"lead_id": "c", "created_at": "2026-01-01"},
        {"lead_id": "d", "created_at": "2026-01-01", "changed_fields": {"plan": True}},
    )
    landing.put("leads/2.csv", "lead_id,created_at,Changed_Fields\ne,2026-01-01,plan; email\nf,2026-01-01,\n")
    landing.load()
    assert landing.rows("leads", "lead_id", "changed_fields") == [
        ("a", ["plan"]), ("b", []), ("c", None), ("e", ["plan", "email"]), ("f", None),
    ]  # fmt: skip
    assert landing.reasons() == ["changed_fields: not a list: '{\"plan\": true}'"]
