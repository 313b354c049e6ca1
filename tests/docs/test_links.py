"""Links between pages lead somewhere, and files that pages name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("tests/**/*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
# Whole paths below one of the repository's folders; one with a <placeholder> is an example.
NAMED = re.compile(r"(?<![\w/.-])((?:dagster_drips|dbt_project|tests|benchmarks|docs|deploy|\.ci)/[\w./<>-]*[\w>])")
CODE_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
# A path above a fence is a file that the page shows (test_cookbook.py).
SHOWN = re.compile(r"^`([\w./-]+)`\n\n```", re.MULTILINE)
# Made by `drips`, or by whoever follows the page.
MADE = {
    "deploy/.env",
    *("dbt_project/target", "dbt_project/models/segments", "dbt_project/seeds"),
    *("dbt_project/.drips", "dbt_project/.drips/seeds", "dbt_project/dbt_packages"),
    "dbt_project/models/segments/trial_users.sql",
    *("dbt_project/models/intake", *(f"dbt_project/models/intake/{kind}.sql" for kind in ("leads", "events"))),
    *("dbt_project/models/content", *(f"dbt_project/models/content/{name}.sql" for name in ("recommended", "ordered"))),
}


def anchors(page: Path) -> set[str]:
    """As code hosts make them of headings."""
    text = CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target, anchor in LINK.findall(text):
        file = (page.parent / target) if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(NAMED.findall(text)) - MADE - set(SHOWN.findall(text))
    assert {name for name in named if "<" not in name and not (REPOSITORY / name).exists()} == set()
