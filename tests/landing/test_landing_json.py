"""JSON that is a document and not lines."""

from __future__ import annotations

import json

import pytest

from dagster_drips.landing import joined, json_reader
from dagster_drips.landing.load import LoadReport

from .landing_rows import lead

LEADS = [lead(lead_id="1"), lead(lead_id="2"), lead(lead_id="3")]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(LEADS),
        json.dumps(LEADS, indent=2),
        "\ufeff  " + json.dumps(LEADS, indent=None) + "\n\n",
        "\n".join(json.dumps(row, indent=2) for row in LEADS),
        "".join(json.dumps(row) + "\n" for row in LEADS),
    ],
)
@pytest.mark.parametrize("name", ["1.json", "1.json.gz", "1.JSON"])
def test_a_list_objects_over_several_lines_and_lines_are_read(landing, text, name):
    landing.put(f"leads/{name}", text)
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("leads", "lead_id", "_line") == [("1", 1), ("2", 2), ("3", 3)]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson"])
def test_a_list_is_read_under_the_name_of_lines_too(landing, ending):
    landing.put(f"leads/1.{ending}", "[\n" + ",\n".join(map(json.dumps, LEADS)) + "\n]\n")
    landing.put(f"leads/2.{ending}", json.dumps([{"lead_id": 4, "created_at": "2026-01-01"}]))
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("leads", "lead_id") == ["1", "2", "3", "4"]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize(("first", "name"), [(json.dumps(LEADS), "1.jsonl"), ("[]", "1.json")])
@pytest.mark.parametrize("at_once", [-1, 64 << 10], ids=["alone", "joined"])
def test_of_lines_one_that_is_a_list_is_malformed(landing, monkeypatch, at_once, first, name, end):
    monkeypatch.setattr(joined, "SMALL_BYTES", at_once)
    landing.put(f"leads/{name}", f"\n{first}\n" + json.dumps(lead(lead_id="4")) + end)
    landing.load()
    assert landing.rows("leads", "lead_id") == ["4"]
    assert landing.rejected() == [(2, "malformed line: not a JSON object")]


def test_members_that_are_no_rows_are_rejected_by_their_number(landing):
    landing.put("leads/1.json", b'[{"lead_id": 1, "created_at": "2026-01-01"}, 5, {"lead_id": "\xff"}, {"a": NaN}]')
    landing.load()
    assert landing.rows("leads", "lead_id") == ["1"]
    assert [line for line, _ in landing.rejected()] == [2, 3, 4]
    assert landing.reasons()[:2] == ["malformed line: not a JSON object", "malformed line: not UTF-8"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"lead_id": 1},', "line 1: malformed JSON: Expecting value"),
        ('[\n{"lead_id": 1}\n{"lead_id": 2}]', "line 3: malformed JSON: a comma is missing"),
        ('[{"lead_id": 1}', "line 1: malformed JSON: the list isn't closed, or something stands behind it"),
        ('[{"lead_id": 1}] x', "line 1: malformed JSON: the list isn't closed, or something stands behind it"),
        ('{\n"lead_id": 1\n', "line 3: malformed JSON: Expecting ',' delimiter"),
        (
            '[{"lead_id": 1}, ' + '{"a":' * 100_000,
            "line 1: malformed JSON: more than 32 objects or lists inside one another",
        ),
    ],
)
def test_a_document_that_is_broken_is_reported_with_its_line(landing, text, reason):
    landing.put("leads/1.json", text)
    landing.put_rows("leads/2.jsonl", lead())
    assert landing.load()["leads"] == LoadReport("leads", files=1, rows=1, rejected=1, duplicates=0)
    assert landing.rejected() == [(0, f"unreadable file: {reason}")]


@pytest.mark.parametrize(
    "broken",
    [
        '{"lead_id": L2, "created_at": "2026-01-01"}',
        '{"lead_id": "2", "tags": ["a", "b,]}"], "created_at": 2026-01-01}',
        "{'lead_id': '2'}",
        '{"lead_id": "2" "created_at": "2026-01-01"}',
        '{"lead_id": "2", "note": "\\q"}',
        "nothing",
        '{"a":' * 5_000 + "1" + "}" * 5_000,
    ],
)
def test_a_member_that_is_broken_costs_its_own_row_where_its_end_can_be_told(landing, broken):
    members = [json.dumps(LEADS[0]), broken, json.dumps(LEADS[1])]
    for number, between in enumerate((", ", ",\n  ")):
        landing.put(f"leads/{number}.json", "[" + between.join(members) + "]")
    landing.put("leads/last.json", "[" + ",\n".join([*members, broken]) + "\n]\n")
    landing.load()
    assert landing.rows("leads", "lead_id") == [str(row["lead_id"]) for row in LEADS[:2]]
    assert [line for line, _ in landing.rejected()] == [2, 2, 2, 4]
    assert all(reason.startswith("malformed line: ") for reason in landing.reasons())


@pytest.mark.parametrize(
    "broken",
    [
        '{"lead_id": "2, "created_at": "2026-01-01"}',
        '{"lead_id": "2", "tags": ["a"}',
        '{"lead_id": "2"}}',
        '{"lead_id": "2", "tags": [1, 2}]',
    ],
)
def test_a_list_in_which_nobody_can_tell_one_row_from_the_next_is_not_loaded(landing, broken):
    landing.put("leads/1.json", "[" + ",\n".join([json.dumps(LEADS[0]), broken, json.dumps(LEADS[1])]) + "]")
    landing.load()
    assert landing.rows("leads", "lead_id") == []
    assert [line for line, _ in landing.rejected()] == [0]


def test_a_document_has_a_limit_and_lines_have_none(landing, monkeypatch):
    monkeypatch.setattr(json_reader, "DOCUMENT_BYTES", 100)
    landing.put("leads/1.json", json.dumps(LEADS))
    landing.put("leads/2.json", "".join(json.dumps(row) + "\n" for row in LEADS))
    landing.load()
    assert landing.rows("leads", "lead_id") == ["1", "2", "3"]
    assert landing.rejected()[0][1].startswith("unreadable file: one JSON document of more than ")


def test_an_empty_list_is_no_rows(landing):
    landing.put("leads/1.json", " [ ]\n")
    assert landing.load()["leads"] == LoadReport("leads", files=1, rows=0, rejected=0, duplicates=0)
