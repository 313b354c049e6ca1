"""Each query of docs/queries.md answers on what is published, with rows."""

from __future__ import annotations

import re

import duckdb
import pytest
from conftest import REPOSITORY

from dagster_drips.project import Project

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs" / "queries.md").read_text(encoding="utf-8")
QUERIES = dict(re.findall(r"^### (.*?)\n(?:(?!^### ).)*?^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


def test_every_question_of_the_page_has_one_query() -> None:
    assert list(QUERIES) == re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    assert len(QUERIES) == PAGE.count("```sql")
    asked = (
        "What did this sequence earn?",
        "Is the variant better?",
        "Why does Outlook bounce?",
        "Who got what last week?",
    )
    assert [question for question in asked if question not in QUERIES] == []


@pytest.mark.parametrize("question", QUERIES)
def test_a_query_answers_with_rows(demo: Project, question: str) -> None:
    with duckdb.connect(demo.published / "drips.duckdb", read_only=True) as database:
        found = database.execute(QUERIES[question])
        rows = found.fetchall()
        names = [column[0] for column in found.description or ()]
    assert rows
    assert len(names) == len(set(names))
    # A row of nothing but keys and NULL would be no answer.
    assert any(sum(value is not None for value in row) > 1 for row in rows)


def test_outlook_s_answer_is_told(demo: Project) -> None:
    with duckdb.connect(demo.published / "drips.duckdb", read_only=True) as database:
        rows = database.execute(QUERIES["Why does Outlook bounce?"]).fetchall()
    assert {row[1:5] for row in rows} == {("refused", 550, "5.7.1", "messages from this address are not accepted")}
    assert sum(row[5] for row in rows) == 12
