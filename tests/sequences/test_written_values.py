"""What a person may write for a value, and what it means."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import yaml

from dagster_drips.sequences.catalog import SequenceSource, read_catalog
from dagster_drips.sequences.schema import Sequence
from dagster_drips.sequences.segment_files import segment_names

from .conftest import SEQUENCE, ProjectFolder


def source_of(folder: ProjectFolder, text: str) -> SequenceSource:
    folder.sequence(text)
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert catalog.errors == []
    return catalog.sources["welcome"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("pro", "pro"),
        ("'pro'", "pro"),
        ("5", "5"),
        ("1.50", "1.50"),
        ("1e3", "1e3"),
        ("-0.0", "-0.0"),
        ("true", "true"),
        ("False", "false"),
        ("'True'", "True"),
        ("'null'", "null"),
        ("''", ""),
        ("2026-01-01", "2026-01-01"),
        ("17:00", "17:00"),
        ("'yes'", "yes"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("naïve ☕", "naïve ☕"),
    ],
)
def test_a_where_value_is_json_text_as_it_was_written(folder: ProjectFolder, written: str, expected: str) -> None:
    source = source_of(folder, SEQUENCE.replace("event: signup", f"event: signup\n  where: {{plan: {written}}}"))
    assert source.sequence.trigger.where == {"plan": expected}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1)),
        ("2026-01-01", datetime(2026, 1, 1)),
        ("2026-10-15 22:32:38+00:00", datetime(2026, 10, 15, 22, 32, 38)),
        ("'2026-03-29T02:30:00.25+02:00'", datetime(2026, 3, 29, 0, 30, 0, 250000)),
        ("2026-01-01 10:00:00 -05:00", datetime(2026, 1, 1, 15)),
        ("2026-01-01 10:00", datetime(2026, 1, 1, 10)),
    ],
)
def test_an_instant_is_read_as_utc(folder: ProjectFolder, written: str, expected: datetime) -> None:
    source = source_of(folder, SEQUENCE.replace("priority: 50", f"active_from: {written}"))
    assert source.sequence.active_from == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("17:00", 1020), ('"17:00"', 1020), ("9:05", 545), ("24:00", 1440), ("00:00", 0), ("2:30", 150)],
)
def test_a_time_of_day_needs_no_quotes(folder: ProjectFolder, written: str, expected: int) -> None:
    source = source_of(folder, SEQUENCE.replace("end: 17:00", f"end: {written}"))
    assert source.sequence.send_window is not None
    assert source.sequence.send_window.end == expected


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("{days: 1, hours: 6}", 108000),
        ("{hours: 0.5}", 1800),
        ("{hours: 1.1}", 3960),
        ("{}", 0),
        ("{weeks: 1}", 604800),
    ],
)
def test_a_duration_is_a_sum_in_seconds(folder: ProjectFolder, written: str, seconds: int) -> None:
    source = source_of(folder, SEQUENCE.replace("delay: {days: 3}", f"delay: {written}"))
    assert source.sequence.steps[1].delay.total_seconds == seconds


def test_a_key_without_a_value_counts_as_absent(folder: ProjectFolder) -> None:
    text = SEQUENCE.replace("  include: [enterprise]", "  include:").replace("topic: onboarding", "topic:")
    source = source_of(folder, text)
    assert (source.sequence.topic, source.sequence.segments.include) == (None, [])


def test_a_condition_is_one_value_or_a_list(folder: ProjectFolder) -> None:
    one = source_of(folder, SEQUENCE)
    many = source_of(folder, SEQUENCE.replace("opened: welcome", "opened: [welcome, welcome]"))
    assert one.sequence.steps[1].only_if.listed() == many.sequence.steps[1].only_if.listed() == [("opened", "welcome")]


def test_numbers_may_stand_for_text(folder: ProjectFolder) -> None:
    source = source_of(folder, SEQUENCE.replace("name: Welcome", "name: 2026").replace("id: security", "id: 02"))
    assert (source.sequence.name, source.sequence.steps[1].id) == ("2026", "02")


def test_anchors_and_merges_work_and_keep_their_lines(folder: ProjectFolder) -> None:
    text = SEQUENCE.replace(
        "steps:", "steps:\n  - &one {id: zero, subject: x, template: welcome.html}\n  - {<<: *one, id: one}"
    )
    source = source_of(folder, text)
    assert [step.id for step in source.sequence.steps] == ["zero", "one", "welcome", "security"]
    folder.sequence(text.replace("subject: x", "subjct: x"))
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    blamed = {problem.line for problem in catalog.errors if "subjct" in problem.message}
    assert blamed == {text[: text.index("&one")].count("\n") + 1}


def test_a_definition_survives_json(folder: ProjectFolder) -> None:
    source = source_of(
        folder, SEQUENCE.replace("reentry: never", "reentry: {days: 2}\nactive_from: 2026-01-01T00:00:00.5Z")
    )
    again = Sequence.model_validate_json(source.definition)
    assert again == source.sequence
    assert Sequence.model_validate_json(source.sequence.model_dump_json()) == source.sequence


def test_what_a_program_writes_reads_like_what_a_person_writes(folder: ProjectFolder) -> None:
    by_hand = source_of(folder, SEQUENCE)
    data: Any = yaml.safe_load(SEQUENCE.replace("end: 17:00", 'end: "17:00"'))
    assert source_of(folder, yaml.safe_dump(data, sort_keys=False)).version_id == by_hand.version_id
