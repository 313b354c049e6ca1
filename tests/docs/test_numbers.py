"""docs/numbers.md defines every number that a person may quote, and says of each table what may be summed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from conftest import DBT_PACKAGE, REPOSITORY

PAGE = (REPOSITORY / "docs" / "numbers.md").read_text(encoding="utf-8")
NUMBERS = re.compile(r"bigint|hugeint|integer|double|decimal")
# Written once for all columns of a kind: `…_low` beside `lift`, `…_p50` beside the stations of a latency.
ENDINGS = ("_low", "_high", "_p50", "_p95", "_max")


def _marts() -> dict[str, dict[str, Any]]:
    documents = [yaml.safe_load(file.read_text()) for file in DBT_PACKAGE.glob("models/marts/*.yml")]
    return {model["name"]: model for document in documents for model in document.get("models") or []}


def _numeric(mart: dict[str, Any]) -> list[str]:
    return [column["name"] for column in mart["columns"] if NUMBERS.match(column.get("data_type", ""))]


def _named(text: str) -> set[str]:
    """Names between backticks; one pair may hold several, or a table before a column."""
    return {name for group in re.findall(r"`([^`\n]*)`", text) for name in re.findall(r"…?\w+", group)}


PASSAGES = re.split(r"\n\n|\n(?=\|)", PAGE)
"""Paragraphs and rows of tables."""
NAMED = _named(PAGE)
MARTS = _marts()


def _is_defined(column: str) -> bool:
    ending = next((ending for ending in ENDINGS if column.endswith(ending)), None)
    return column in NAMED or (
        ending is not None
        and any({f"…{ending}", column.removesuffix(ending)} <= _named(passage) for passage in PASSAGES)
    )


@pytest.mark.parametrize("mart", MARTS)
def test_every_number_of_a_mart_is_defined(mart: str) -> None:
    assert [column for column in _numeric(MARTS[mart]) if not _is_defined(column)] == []


def test_the_comparison_sees_numbers() -> None:
    assert {"sent", "open_rate", "net_revenue"} <= set(_numeric(MARTS["sequence_performance"]))
    assert _is_defined("lift_low")
    assert not _is_defined("lift_p50x")
    assert not _is_defined("sent_low")


def test_every_table_with_numbers_is_told_what_may_be_summed() -> None:
    table = PAGE.partition("## What may be summed")[2].partition("\n## ")[0]
    # One row a thing, with its number of attempts, its place or its sale.
    of_one_thing = {
        "enrollments",
        "step_decisions",
        "experiment_exposures",
        "machine_rules",
        "sequence_versions",
        "lead_timeline",
        "explanations",
    }
    assert {name for name, mart in MARTS.items() if _numeric(mart)} - _named(table) - of_one_thing == set()
