"""CSV as spreadsheets and exports write it: separators, headers, encodings, line ends."""

from __future__ import annotations

import codecs

import pytest

from dagster_drips.landing.load import LoadReport

ROWS = "lead_id,created_at,email\nL1,2026-01-01,a@x.example\nL2,2026-01-02,b@x.example\n"
LOADED = [("L1", "a@x.example", 2), ("L2", "b@x.example", 3)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_told_by_the_header(landing, separator):
    landing.put("leads/1.csv", ROWS.replace(",", separator))
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("leads", "lead_id", "email", "_line") == LOADED


def test_tsv_has_tabs(landing):
    landing.put("leads/1.tsv", ROWS.replace(",", "\t"))
    landing.put("suppressions/1.tsv", "email\na,b@x.example\n")
    landing.load()
    assert landing.rows("leads", "lead_id", "email", "_line") == LOADED
    assert landing.rows("suppressions", "email") == ["a,b@x.example"]


@pytest.mark.parametrize(("said", "separator"), [("sep=;", ";"), ('"sep=,"', ","), ("SEP=^", "^"), ("sep=\t", "\t")])
def test_excels_word_about_the_separator_is_no_header(landing, said, separator):
    landing.put("leads/1.csv", f"{said}\r\n" + ROWS.replace(",", separator).replace("\n", "\r\n"))
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("leads", "lead_id", "_line") == [("L1", 3), ("L2", 4)]


def test_other_separators_may_stand_in_cells(landing):
    landing.put("leads/1.csv", 'lead_id;created_at;company;tags\nL1;2026-01-01;"A; B, C";a,b\n')
    landing.put("leads/2.csv", "lead_id,created_at,tags\nL2,2026-01-01,a;b\n")
    landing.load()
    assert landing.rows("leads", "company", "tags") == [("A; B, C", ["a,b"]), (None, ["a", "b"])]


def test_spaces_after_each_separator_are_style(landing):
    landing.put("leads/1.csv", '"lead_id", "created_at", "company"\n"L1", "2026-01-01", "A, B"\n')
    landing.put("leads/2.csv", "lead_id, created_at, company\nL2, 2026-01-01, C\n")
    landing.put("leads/3.csv", "lead_id,created_at,company\n L3,2026-01-01, D\n")
    landing.load()
    assert landing.rows("leads", "lead_id", "company") == [("L1", "A, B"), ("L2", "C"), (" L3", " D")]


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        (
            "leads",
            "id;created_at;email\n1;2026-01-01;\n2;2026-01-01;\n",
            "header: no column lead_id; the separator looks like ;, the columns are id, created_at, email;"
            " no row of this file is taken",
        ),
        (
            "events",
            "id\tname\n1\tx\n",
            "header: no column event_id, lead_id, event, occurred_at; the separator looks like tab,"
            " the columns are id, name; no row of this file is taken",
        ),
        (
            "suppressions",
            "a@x.example\nb@x.example\n",
            "header: no column email; the columns are a@x.example; no row of this file is taken",
        ),
        (
            "leads",
            ROWS.encode("utf-16-le"),
            "header: malformed line: a NUL character; UTF-16 needs a byte order mark; no row of this file is taken",
        ),
    ],
)
def test_a_header_without_what_is_required_is_one_reason_for_the_file(landing, kind, content, reason):
    landing.put(f"{kind}/1.csv", content)
    assert landing.load()[kind] == LoadReport(kind, files=1, rows=0, rejected=1, duplicates=0)
    assert landing.rejected() == [(1, reason)]


def test_known_names_are_known_in_any_case_and_with_space_around(landing):
    landing.put("suppressions/1.csv", "Email,Reason\na@x.example,unsubscribed\n")
    landing.put("events/1.csv", "EVENT_ID, Lead_Id ,Event,\ufeffoccurred_at,Plan\ne1,L1,x,2026-01-01,pro\n")
    landing.put_rows("engagement/1.jsonl", {"Message_ID": "m1", " type": "opened", "OCCURRED_AT": "2026-01-01"})
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("suppressions", "email", "reason") == [("a@x.example", "unsubscribed")]
    assert landing.rows("events", "event_id", "lead_id", "properties") == [("e1", "L1", '{"Plan":"pro"}')]
    assert landing.rows("engagement", "message_id", "detail") == [("m1", None)]


def test_two_columns_of_one_name_fill_each_other_and_must_not_differ(landing):
    landing.put(
        "events/1.csv",
        "event_id,lead_id,event,occurred_at,Lead_ID\n1,L1,x,2026-01-01,\n2,,x,2026-01-01,L2\n3,L3,x,2026-01-01,L4\n",
    )
    landing.load()
    assert landing.rows("events", "lead_id") == ["L1", "L2"]
    assert landing.rejected() == [(4, "lead_id is there twice, with different values")]


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_an_encoding_is_told_by_its_mark(landing, mark, codec, packed):
    landing.put(f"leads/1.csv{packed}", mark + ROWS.replace("L2", "Lé\U0001f600").encode(codec))
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("leads", "lead_id", "_line") == [("L1", 2), ("Lé\U0001f600", 3)]


def test_a_file_that_is_not_what_its_mark_says_is_reported(landing):
    landing.put("leads/1.csv", codecs.BOM_UTF16_LE + ROWS.encode("utf-16-le")[:-1])
    assert landing.load()["leads"] == LoadReport("leads", files=0, rows=0, rejected=1, duplicates=0)
    assert landing.rejected() == [(0, "unreadable file: not UTF-16-LE, though its byte order mark says so")]


def test_windows_characters_cost_their_line(landing):
    landing.put("leads/1.csv", (ROWS + "L3,2026-01-01,ü@x.example\n").encode("cp1252"))
    landing.load()
    assert len(landing.rows("leads")) == 2
    assert landing.rejected() == [(4, "malformed line: not UTF-8")]


def test_carriage_returns_alone_end_lines_where_nothing_else_does(landing):
    landing.put("leads/1.csv", ROWS.replace("\n", "\r"))
    landing.put("events/1.jsonl", '{"event_id":1}\r{"event_id":2}\r')
    landing.load()
    assert landing.rows("leads", "lead_id", "email", "_line") == LOADED
    assert landing.rejected() == [(1, "lead_id missing"), (2, "lead_id missing")]


def test_a_carriage_return_elsewhere_costs_its_line(landing):
    landing.put("leads/1.csv", 'lead_id,created_at,company\nL1,2026-01-01\rL2,2026-01-01\nL3,2026-01-01,"a\rb"\n')
    landing.load()
    assert landing.rows("leads", "lead_id", "company") == [("L3", "a\rb")]
    assert landing.rejected() == [(2, "malformed line: a carriage return that ends no line")]


def test_nul_characters_cost_their_line(landing):
    landing.put("leads/1.csv", ROWS + "L\x003,2026-01-01,\n")
    landing.load()
    assert landing.rejected() == [(4, "malformed line: a NUL character")]


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "lead_id,created_at\n", "lead_id,created_at", "sep=;\n"])
def test_nothing_to_read_is_nothing_read(landing, content):
    landing.put("leads/1.csv", content)
    assert landing.load()["leads"] == LoadReport("leads", files=1, rows=0, rejected=0, duplicates=0)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"\x1f\x8b\x08\x00", "packed by gzip, which its name doesn't say"),
        (b"PK\x03\x04", "a zip archive or an Excel workbook"),
        (b"PAR1", "Parquet, which its name doesn't say"),
        (b"\x28\xb5\x2f\xfd", "packed by zstd"),
    ],
)
def test_what_is_no_text_is_named(landing, start, what):
    landing.put("leads/1.csv", start + bytes(range(256)))
    landing.load()
    assert landing.rejected() == [(0, f"unreadable file: no text: it is {what}")]


def test_decimal_commas_are_refused_with_the_form_that_is_taken(landing):
    landing.put(
        "leads/1.csv", "lead_id;created_at;score\nL1;2026-01-01;1,5\nL2;2026-01-01;1.234,50\nL3;2026-01-01;1.5\n"
    )
    landing.put("events/1.csv", "event_id;lead_id;event;occurred_at;value\ne1;L;x;2026-01-01;9,90\n")
    landing.load(fields={"score": "number"})
    assert landing.rows("leads", "score") == [1.5]
    form = "the decimal sign is a point, without thousands set off: 1234.5"
    assert landing.rejected() == [
        (2, f"score: not a number: '1,5'; {form}"),
        (3, f"score: not a number: '1.234,50'; {form}"),
        (2, f"value: not a number: '9,90'; {form}"),
    ]
