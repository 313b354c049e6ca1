"""What each kind takes, what it refuses and with which words."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest

from dagster_drips.landing.load import LoadReport

from .landing_rows import event, fact, lead

REFUSED = [
    ("leads", lead(lead_id=None), "lead_id missing"),
    ("leads", lead(lead_id=""), "lead_id missing"),
    ("leads", lead(lead_id=" \t"), "lead_id missing"),
    ("leads", lead(lead_id=True), "lead_id: not a text or a number: 'true'"),
    ("leads", lead(lead_id=["L1"]), "lead_id: not a text or a number: '[\"L1\"]'"),
    ("leads", lead(created_at=None), "created_at missing"),
    ("leads", lead(created_at="yesterday"), "created_at: not a time: 'yesterday'"),
    ("leads", lead(updated_at="2026-13-45T00:00:00Z"), "updated_at: month must be in 1..12"),
    ("leads", lead(updated_at=5), "updated_at: not a time: '5'"),
    ("leads", lead(tags={"a": 1}), "tags: not a list: '{\"a\": 1}'"),
    ("leads", lead(tags=["a", ["b"]]), 'tags: not a list of texts: \'["a", ["b"]]\''),
    ("leads", lead(_load=1), "field '_load': the name is reserved: our own columns begin so"),
    ("leads", {**lead(), "": 1}, "field '': the name is blank"),
    ("events", event(event_id=None), "event_id missing"),
    ("events", event(event_id={}), "event_id: not a text or a number: '{}'"),
    ("events", event(lead_id=None), "lead_id missing"),
    ("events", event(event="  "), "event missing"),
    ("events", event(event="lead_created"), "reserved name lead_created"),
    ("events", event(occurred_at=None), "occurred_at missing"),
    ("events", event(occurred_at="27.03.2026 noon"), "occurred_at: not a time: '27.03.2026 noon'"),
    (
        "events",
        event(occurred_at="0001-01-01T00:00:00+01:00"),
        "occurred_at: time out of range: '0001-01-01T00:00:00+01:00'",
    ),
    ("events", event(received_at="soon"), "received_at: not a time: 'soon'"),
    ("events", event(received_at=False), "received_at: not a time: 'false'"),
    ("events", event(properties=[1]), "properties: not a JSON object: '[1]'"),
    ("events", event(properties=5), "properties: not a JSON object: '5'"),
    ("events", event(properties="{plan}"), "properties: not a JSON object: '{plan}'"),
    ("events", event(value="a lot"), "value: not a number: 'a lot'"),
    ("events", event(value="NaN"), "value: not a number: 'NaN'"),
    ("events", event(value=1e14), "value: number out of range: '100000000000000.0'"),
    ("events", event(value="1e999999"), "value: number out of range: '1e999999'"),
    ("events", event(value="99999999999999.99995"), "value: number out of range: '99999999999999.99995'"),
    ("events", event(value=True), "value: not a number: 'true'"),
    ("suppressions", {"reason": "manual"}, "email missing"),
    ("suppressions", {"email": " "}, "email missing"),
    ("engagement", fact(message_id=None), "message_id missing"),
    ("engagement", fact(type=None), "type missing"),
    ("engagement", fact(type="seen"), "type: not a known one: 'seen'"),
    ("engagement", fact(occurred_at=None), "occurred_at missing"),
    ("engagement", fact(occurred_at="soon"), "occurred_at: not a time: 'soon'"),
    ("engagement", fact(type="bounced", bounce_class="soft", occurred_at=""), "occurred_at missing"),
    ("engagement", fact(type="resubscribed", occurred_at=None), "occurred_at missing"),
    ("engagement", fact(engagement_id=[]), "engagement_id: not a text or a number: '[]'"),
]


@pytest.mark.parametrize("kind", ["leads", "events", "suppressions", "engagement"])
def test_a_row_that_can_not_be_taken_is_kept_with_its_reason(landing, kind):
    refused = [(row, reason) for its_kind, row, reason in REFUSED if its_kind == kind]
    landing.put_rows(f"{kind}/1.jsonl", *(row for row, _ in refused))
    assert landing.load()[kind] == LoadReport(kind, files=1, rows=0, rejected=len(refused), duplicates=0)
    assert landing.warehouse.rows("from raw.rejected_rows order by line") == [
        {"kind": kind, "file": "1.jsonl", "line": line, "reason": reason, "row": json.dumps(row), "_load": 1}
        for line, (row, reason) in enumerate(refused, 1)
    ]


TIMES = [
    ("2026-01-02", datetime(2026, 1, 2)),
    ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5)),
    ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
    ("2026-01-02T03:04", datetime(2026, 1, 2, 3, 4)),
    ("2026-01-02T03:04:05.1234567891Z", datetime(2026, 1, 2, 3, 4, 5, 123456)),
    ("2026-01-02T03:04:05.5+02:00", datetime(2026, 1, 2, 1, 4, 5, 500000)),
    ("2026-01-02T03:04:05-0530", datetime(2026, 1, 2, 8, 34, 5)),
    ("2026-01-02T23:04:05-05", datetime(2026, 1, 3, 4, 4, 5)),
]


def test_times_are_taken_as_utc(landing):
    landing.put_rows("events/1.jsonl", *(event(event_id=text, occurred_at=text, received_at=text) for text, _ in TIMES))
    lines = [f"csv {text},L1,x,{text}" for text, _ in TIMES]
    landing.put("events/2.csv", "\n".join(["event_id,lead_id,event,occurred_at", *lines]))
    landing.load()
    instants = [instant for _, instant in TIMES]
    assert landing.rows("events", "occurred_at") == instants * 2
    assert landing.rows("events", "received_at") == instants + [None] * len(TIMES)


def test_a_numeric_id_is_its_text_as_written_and_texts_are_untrimmed(landing):
    landing.put("events/1.jsonl", '{"event_id": 5, "lead_id": 7.10, "event": " x ", "occurred_at": "2026-01-01"}\n')
    landing.put_rows("events/2.jsonl", event(event_id="5"), event(event_id=" 5"))
    landing.load()
    assert landing.rows("events", "event_id", "lead_id", "event") == [("5", "7.10", " x "), (" 5", "L1", "signup")]


def test_of_two_events_with_one_id_the_first_counts(landing):
    landing.put_rows("events/1.jsonl", event(event="first"), event(event_id="e2"), event(event="second"))
    landing.put_rows("events/2.jsonl", event(event="third"), event(event_id="e3"))
    assert landing.load()["events"] == LoadReport("events", files=2, rows=3, rejected=0, duplicates=2)
    landing.put_rows("events/0.jsonl", event(event="fourth"))
    assert landing.load()["events"] == LoadReport("events", files=1, rows=0, rejected=0, duplicates=1)
    assert landing.rows("events", "event_id", "event") == [("e1", "first"), ("e2", "signup"), ("e3", "signup")]
    noted = landing.warehouse.rows("select rows, duplicates from raw.loaded_files order by load_id")
    assert [(file["rows"], file["duplicates"]) for file in noted] == [(2, 1), (1, 1), (0, 1)]


def test_a_rejected_row_does_not_take_the_place_of_a_sound_one(landing):
    landing.put_rows("events/1.jsonl", event(occurred_at="never"), event(event="sound"))
    landing.load()
    assert landing.rows("events", "event") == ["sound"]


def test_properties_stay_as_written(landing):
    texts = ['{"b":  1.50, "a": {"x": [1, 2]}}', '{ "k": "\\u00e9\\"" }', "{}"]
    rows = [
        f'{{"event_id": {n}, "lead_id": 1, "event": "x", "occurred_at": "2026-01-01", "properties": {text}}}'
        for n, text in enumerate(texts)
    ]
    landing.put("events/1.jsonl", "\n".join(rows))
    landing.put(
        "events/2.csv",
        "event_id,lead_id,event,occurred_at,properties\n"
        'c,1,x,2026-01-01,"{""seats"":  5}"\nd,1,x,2026-01-01,\ne,1,x,2026-01-01,{\n',
    )
    landing.load()
    assert landing.rows("events", "properties") == [*texts, '{"seats":  5}', None]
    assert landing.rejected() == [(4, "properties: not a JSON object: '{'")]


NUMBERS = [
    ('{"price": 1.50, "seats": 5}', '{"price":"1.50"}'),
    ('{"a": 1e3, "b": 1E-2, "c": 0.1, "d": 99.5, "e": -3, "f": 1.0}', '{"a":"1e3","b":"1E-2"}'),
    ('{"a": 9223372036854775807, "b": 9223372036854775808}', '{"b":"9223372036854775808"}'),
    ('{"a": -0, "b": 100000000000000000000.0}', '{"a":"-0","b":"100000000000000000000.0"}'),
    ('{"a": "1.50", "b": {"c": 1.50}, "d": [1e3]}', None),
    ('{"plan": "pro", "seats": 5, "trial": true, "none": null}', None),
]


def test_numbers_that_a_json_reader_would_rewrite_are_kept_as_written(landing):
    start = '"lead_id": 1, "event": "x", "occurred_at": "2026-01-01"'
    lines = [f'{{"event_id": {n}, {start}, "properties": {text}}}' for n, (text, _) in enumerate(NUMBERS)]
    landing.put("events/1.jsonl", "\n".join(lines))
    landing.load()
    assert landing.rows("events", "properties", "number_texts") == NUMBERS


def test_unknown_columns_of_an_event_become_properties(landing):
    start = '"lead_id": 1, "event": "x", "occurred_at": "2026-01-01"'
    landing.put(
        "events/1.jsonl",
        f'{{"event_id": 1, {start}, "properties": {{"plan": "pro"}}, "plan": "free", "price": 2.50, "ok": true}}\n'
        f'{{"event_id": 2, {start}, "a \\"b\\"": "c \\"d\\"", "none": null}}\n'
        f'{{"event_id": 3, {start}, "properties": {{}}, "x": [1]}}\n',
    )
    landing.put("events/2.csv", "event_id,lead_id,event,occurred_at,plan\n4,1,x,2026-01-01,5\n5,1,x,2026-01-01,\n")
    landing.load()
    assert landing.rows("events", "properties", "number_texts") == [
        ('{"plan": "pro","price":2.50,"ok":true}', '{"price":"2.50"}'),
        ('{"a \\"b\\"":"c \\"d\\""}', None),
        ('{"x":[1]}', None),
        ('{"plan":"5"}', None),
        (None, None),
    ]


def test_values_are_decimals_with_four_places(landing):
    values = [99.5, "10", "0.00005", "-1e2", 12345678901234.5678, None, "", "1e-30"]
    landing.put_rows("events/1.jsonl", *(event(event_id=str(n), value=value) for n, value in enumerate(values)))
    landing.load()
    assert landing.rejected() == []
    expected = [Decimal(text) for text in ("99.5", "10", "0.0001", "-100", "12345678901234.568")]
    assert landing.rows("events", "value") == [*expected, None, None, Decimal(0)]


def test_every_version_of_a_lead_is_kept_but_a_repetition(landing):
    old, new = lead(company="A"), lead(company="B", updated_at="2026-01-02")
    landing.put_rows("leads/1.jsonl", old, old, new, {**old, "created_at": "2026-01-01T02:00:00+02:00"})
    landing.put_rows("leads/2.jsonl", new, {**new, "company": "C"}, new, lead(company="A", plan=None))
    landing.load()
    assert landing.rows("leads", "company", "_load", "_line") == [("A", 1, 1), ("B", 1, 3), ("C", 2, 2), ("B", 2, 3)]
    landing.put_rows("leads/3.jsonl", new, lead(company="A", plan="pro"))
    assert landing.load()["leads"] == LoadReport("leads", files=1, rows=1, rejected=0, duplicates=1)
    assert landing.rows("leads", "company", "plan")[-1] == ("A", "pro")


def test_a_lead_with_a_bad_address_is_kept_as_landed(landing):
    landing.put_rows(
        "leads/1.jsonl",
        lead(email="  No Address "),
        lead(lead_id="L2", email=""),
        lead(lead_id="L3", phone=49301234567),
    )
    landing.put("leads/2.csv", "lead_id,created_at,email\nL4,2026-01-01,\nL5,2026-01-01,   \n")
    landing.load()
    assert landing.rows("leads", "email") == ["  No Address ", "", "a@b.example", None, "   "]
    assert landing.rows("leads", "phone")[2] == "49301234567"


def test_tags_are_a_list_or_text_with_semicolons(landing):
    values = [" a ; b;;", ["a ", "", None, 5], [], ";", 7, ""]
    landing.put_rows("leads/1.jsonl", *(lead(lead_id=str(n), tags=tags) for n, tags in enumerate(values)))
    landing.put("leads/2.csv", "lead_id,created_at,tags\nc,2026-01-01,x;y\nd,2026-01-01,\n")
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("leads", "tags") == [["a", "b"], ["a", "5"], [], [], ["7"], None, ["x", "y"], None]


def test_a_suppression_without_a_readable_time_is_taken(landing):
    landing.put_rows(
        "suppressions/1.jsonl",
        {"email": " A@b.example ", "reason": "bounced", "occurred_at": "2026-01-01"},
        {"email": "c@b.example"},
        {"email": "d@b.example", "reason": "annoyed", "occurred_at": "yesterday", "topic": "news"},
        {"email": "e@b.example", "occurred_at": 5},
    )
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("suppressions", "email", "reason", "occurred_at", "topic") == [
        (" A@b.example ", "bounced", datetime(2026, 1, 1), None),
        ("c@b.example", None, None, None),
        ("d@b.example", "annoyed", None, "news"),
        ("e@b.example", None, None, None),
    ]


def test_identical_suppressions_are_one(landing):
    row = {"email": "a@b.example", "reason": "manual"}
    landing.put_rows("suppressions/1.jsonl", row, {**row, "topic": "news"}, row)
    landing.put_rows("suppressions/2.jsonl", row, {**row, "occurred_at": "2026-01-01"})
    assert landing.load()["suppressions"] == LoadReport("suppressions", files=2, rows=3, rejected=0, duplicates=2)
    landing.put_rows(
        "suppressions/3.jsonl", row, {**row, "topic": "news"}, {**row, "occurred_at": "2026-01-01T00:00:00Z"}
    )
    assert landing.load()["suppressions"] == LoadReport("suppressions", files=1, rows=0, rejected=0, duplicates=3)


def test_engagement_that_suppresses_needs_no_readable_time(landing):
    suppressing = [
        {"type": "unsubscribed"},
        {"type": "complained"},
        {"type": "bounced"},
        {"type": "bounced", "bounce_class": "Soft"},
    ]
    facts = [fact(occurred_at=time, **changes) for time in (None, "soon") for changes in suppressing]
    landing.put_rows("engagement/1.jsonl", *({**row, "engagement_id": n} for n, row in enumerate(facts)))
    landing.load()
    assert landing.rows("engagement", "occurred_at") == [None] * 8


def test_engagement_without_a_key_is_known_by_its_content(landing):
    opened = fact(engagement_id=None)
    landing.put_rows(
        "engagement/1.jsonl",
        opened,
        fact(engagement_id=" "),
        {**opened, "ip": "192.0.2.1"},
        {**opened, "type": "clicked"},
    )
    assert landing.load()["engagement"] == LoadReport("engagement", files=1, rows=3, rejected=0, duplicates=1)
    landing.put("engagement/2.csv", "message_id,type,occurred_at\nm1,opened,2026-01-01 01:00:00+01\n")
    assert landing.load()["engagement"] == LoadReport("engagement", files=1, rows=0, rejected=0, duplicates=1)
    assert all(len(key) == 32 for key in landing.rows("engagement", "engagement_id"))


def test_unknown_columns_of_engagement_go_into_an_empty_detail(landing):
    landing.put_rows(
        "engagement/1.jsonl",
        fact(country="DE", score=1),
        fact(engagement_id="g2", detail="said so", country="DE"),
        fact(engagement_id="g3"),
    )
    landing.load()
    assert landing.rows("engagement", "detail") == ['{"country":"DE","score":1}', "said so", None]


def test_the_address_of_a_suppression_is_taken_out_of_what_stands_around_it(landing):
    wishes = ["Ann <ann@x.example>", '"Lee, Bob" <bob@x.example>', "mailto:cy@x.example?subject=stop", "<di@x.example>"]
    landing.put_rows("suppressions/1.jsonl", *({"email": wish} for wish in wishes), {"email": "no address"})
    landing.load()
    taken = landing.rows("suppressions", "email")
    assert taken == ["ann@x.example", "bob@x.example", "cy@x.example", "di@x.example", "no address"]
