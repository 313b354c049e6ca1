"""Gates of sequence files as rows that dbt reads, and what somebody will write wrongly."""

from __future__ import annotations

import re

import pytest
import yaml
from conftest import REPOSITORY

from dagster_drips.sequences.catalog import canonical_json
from dagster_drips.sequences.gates import GATE_KEYS, Gates, limits_of
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.schema import ProjectSettings

PAGE = (REPOSITORY / "docs" / "gates.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```yaml\n(# sequences/project.yml\n.*?)```", PAGE, re.DOTALL)[0]


def test_what_the_page_shows_becomes_one_row_a_limit() -> None:
    settings = ProjectSettings.model_validate(yaml.safe_load(SHOWN))
    assert ProjectSettings.model_validate_json(canonical_json(settings)) == settings
    told = [{key: value for key, value in row.items() if value is not None} for row in limits_of(settings.gates, None)]
    assert told == [
        {"gate": "max_new_enrollments", "stop_above": 1000.0, "is_warning": False},
        {"gate": "segment_change", "stop_above": 0.3, "span_seconds": 86400, "is_warning": False},
        {"gate": "bounce_rate", "warn_above": 0.02, "stop_above": 0.05, "messages": 500, "is_warning": False},
        {"gate": "complaint_rate", "stop_above": 0.001, "messages": 2000, "is_warning": False},
        {"gate": "freshness", "subject": "leads", "span_seconds": 172800, "is_warning": False},
        {"gate": "freshness", "subject": "events", "span_seconds": 21600, "is_warning": False},
    ]
    assert [row["gate"] for row in told if row["gate"] not in GATE_KEYS] == []


def test_a_sequence_s_own_keys_go_before_the_project_s_and_none_are_none() -> None:
    project = Gates.model_validate({"max_new_enrollments": 10, "freshness": {"events": {"hours": 6}}})
    own = Gates.model_validate({"max_new_enrollments": 0, "freshness": {"leads": {"hours": 1}, "else": "continue"}})
    told = [(row["gate"], row["subject"], row["stop_above"], row["is_warning"]) for row in limits_of(project, own)]
    assert told == [("max_new_enrollments", None, 0.0, False), ("freshness", "leads", None, True)]
    assert limits_of(None, None) == limits_of(Gates(), None) == []


@pytest.mark.parametrize(
    ("written", "line", "message"),
    [
        ("{max_new_enrollment: 5}", 1, "did you mean 'max_new_enrollments'?"),
        ("{max_new_enrollments: many}", 1, "gates.max_new_enrollments"),
        ("{bounce_rate: {warn: 0.02}}", 1, "missing key 'stop' in gates.bounce_rate"),
        ("{bounce_rate: {stop: 5}}", 1, "gates.bounce_rate.stop"),
        ("\n  segment_change: {max: 0.3}", 2, "missing key 'per' in gates.segment_change"),
        ("\n  segment_change:\n    max: 0.3\n    per: {days: 0}", 4, "gates.segment_change.per"),
        ("{freshness: {events: {hours: 6}, else: stop}}", 1, "gates.freshness.else"),
        ("{freshness: {event: {hours: 6}}}", 1, "did you mean 'events'?"),
    ],
)
def test_a_mistake_is_told_with_its_line(written: str, line: int, message: str) -> None:
    reading = Reading("sequences/project.yml", f"gates: {written}\n".encode())
    assert reading.validated(ProjectSettings) is None
    [problem] = reading.problems
    assert problem.line == line
    assert message in problem.message
