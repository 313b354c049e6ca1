"""Segments that ask the clock or chance are told before they run."""

from __future__ import annotations

import pytest

from dagster_drips.sequences.segment_check import segment_problems

from .conftest import ProjectFolder

FILE = "dbt_project/models/segments/dormant.sql"


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("now()", "now()"),
        ("NOW ( )", "NOW ( )"),
        ("current_timestamp", "current_timestamp"),
        ("CURRENT_DATE", "CURRENT_DATE"),
        ("today()", "today()"),
        ("get_current_timestamp()", "get_current_timestamp()"),
        ("localtimestamp", "localtimestamp"),
    ],
)
def test_the_wall_clock_is_named_with_its_line_and_what_to_write(folder: ProjectFolder, expression, shown):
    folder.write(FILE, f"select lead_id\nfrom {{{{ ref('stg_events') }}}}\nwhere occurred_at > {expression}")
    (problem,) = segment_problems(folder.project)
    assert (problem.file, problem.line, problem.severity) == (FILE, 3, "error")
    assert problem.message == f"'{shown}' is the wall clock; write {{{{ as_of() }}}}, the tick's instant (T1)"


@pytest.mark.parametrize("expression", ["where random() < 0.1", "using sample 10%", "where rand() < 1"])
def test_chance_is_named_too(folder: ProjectFolder, expression):
    folder.write(FILE, f"select lead_id from {{{{ ref('stg_leads') }}}}\n{expression}")
    (problem,) = segment_problems(folder.project)
    assert problem.line == 2
    assert "bucket" in problem.message


def test_words_text_and_comments_are_left_alone(folder: ProjectFolder):
    folder.write(
        FILE,
        "-- now() is not for segments\nselect lead_id /* today() */ {# current_date #}\n"
        "from {{ ref('stg_leads') }}\nwhere plan='now()' and \"current_date\" > {{ as_of() }} and e.current_time_zone",
    )
    assert segment_problems(folder.project) == []


def test_a_file_that_is_no_text_is_a_mistake_of_its_own(folder: ProjectFolder):
    folder.write(FILE, b"select \xff")
    (problem,) = segment_problems(folder.project)
    assert "can't be read as UTF-8 text" in problem.message
