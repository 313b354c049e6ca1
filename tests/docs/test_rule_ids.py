"""Whoever meets a rule's id anywhere finds the rule in docs/rules.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_ids import cited_ids, prose_files, prose_of, rule_ids

REPOSITORY = Path(__file__).parents[2]
FOLDERS = [REPOSITORY / name for name in ("dagster_drips", "dbt_project", "tests", "benchmarks", "sequences")]


def test_each_rule_has_one_heading() -> None:
    assert len(set(rule_ids())) == len(rule_ids())
    # One letter a chapter, numbered without a gap.
    chapters = {letter: [int(rule[1:]) for rule in rule_ids() if rule[0] == letter] for letter in "TEMLFGS"}
    assert chapters == {letter: list(range(1, len(numbers) + 1)) for letter, numbers in chapters.items()}
    assert sum(map(len, chapters.values())) == len(rule_ids())


def test_no_id_is_cited_that_has_no_heading() -> None:
    unknown = {
        str(path.relative_to(REPOSITORY)): missing
        for path in prose_files(*FOLDERS)
        if (missing := cited_ids(prose_of(path)) - set(rule_ids()))
    }
    assert unknown == {}


def test_no_page_cites_an_id_that_has_no_heading() -> None:
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("**/*.md")]
    unknown = {page.name: missing for page in pages if (missing := cited_ids(page.read_text()) - set(rule_ids()))}
    assert unknown == {}


@pytest.mark.parametrize("rule", rule_ids())
def test_each_rule_is_cited_by_the_package_or_dbt(rule: str) -> None:
    assert [path for path in prose_files(*FOLDERS[:2]) if rule in cited_ids(prose_of(path))]


@pytest.mark.parametrize(
    ("suffix", "text", "cited"),
    [
        (".py", '"""Doc of E3."""\nx = "L4"  # by M5\n', {"E3", "M5"}),
        (".py", "def test_f1_F2_holds():\n    return 'T9'\n", {"F2"}),
        (".sql", "select 'L4' -- E3.\n/* M5\nT1 */ {# S1 #}", {"E3", "M5", "T1", "S1"}),
        (
            ".yml",
            "# E3\n- {name: L4, description: 'M5, not E.164 or UTF-8'}\n- {lead_id: L5} # T1\n",
            {"L4", "E3", "M5", "T1"},
        ),
    ],
)
def test_ids_are_found_in_prose_and_not_in_data(tmp_path: Path, suffix: str, text: str, cited: set[str]) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_text(text)
    assert cited_ids(prose_of(path)) == cited
