"""What docs/templates.md says of filters is what they write."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_drips.templating.sandbox import Record, TemplateEnvironment

PAGE = Path(__file__).parents[2] / "docs" / "templates.md"
LEADS = (
    {"locale": "de-DE", "timezone": "Europe/Berlin"},
    {"locale": "en-US", "timezone": "America/New_York"},
)
EVENT = {
    "occurred_at": datetime(2026, 11, 26, 23, 56, 32),
    "value": Decimal("1250.0000"),
    "currency": "USD",
    "properties": Record("event.properties", {"total": 9.9, "seats": 12500}),
}


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `{{ event.")]
    return [[cell.strip().replace("\\|", "|") for cell in line.replace("\\|", "\0").split("|")[1:4]] for line in lines]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_an_example_of_the_page_is_what_the_filter_writes(row):
    template = TemplateEnvironment({}).from_string(row[0].strip("`").replace("\0", "|"))
    written = [template.render(lead=Record("lead", lead), event=Record("event", EVENT)) for lead in LEADS]
    assert [" ".join(text.split()) for text in written] == row[1:]


def test_the_page_has_examples():
    assert len(rows()) == 9
