"""What must fit together in a sequence file beyond the shape of each key: references, alternatives, surprises.

The checks work on the data as read, whatever is wrong elsewhere in it, so that every mistake is told in one go.
Templates are checked in `templates`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from dagster_drips.sequences.fields import as_flag
from dagster_drips.sequences.problems import Problem, suggestion
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.schema import Conditions, Sequence, Step
from dagster_drips.sequences.yaml_source import Path, written_text
from dagster_drips.vocabulary import LEAD_CREATED

_POLARITIES = ("only_if", "unless")


def texts_at(data: Any, pattern: str) -> Iterator[tuple[Path, str]]:
    """(path, text) of every text at that pattern of keys, such as `steps.*.subject`; `*` is each item of a list.

    A list where the pattern ends yields its items. Parts of the wrong type yield nothing.
    """
    yield from ((path, text) for path, text in _found(data, tuple(pattern.split(".")), ()) if text is not None)


def check_references(reading: Reading) -> None:
    """Note every mistake across keys (E1, M6, M8), except those in templates and in names of segments."""
    _check_trigger(reading)
    _check_lead_created(reading)
    _check_confirmation(reading)
    steps = reading.data.get("steps")
    if isinstance(steps, list):
        _check_ids(reading, "step", [(("steps", index), step) for index, step in enumerate(steps)])
        _check_step_references(reading, steps)
        for index, step in enumerate(steps):
            if isinstance(step, dict):
                _check_content(reading, ("steps", index), step)


def unknown_segments(reading: Reading, segments: Collection[str]) -> list[Problem]:
    """A mistake for every segment that is named and has no file; the sequence's own file counts all the same (E5)."""
    problems = []
    for pattern in (
        "trigger.segment_entered", "segments.include", "segments.exclude",
        "steps.*.only_if.segment", "steps.*.unless.segment",
    ):  # fmt: skip
        for path, segment in texts_at(reading.data, pattern):
            if segment not in segments:
                hint = suggestion(segment, segments) or f"; make dbt_project/models/segments/{segment}.sql"
                message = f"unknown segment '{segment}': the sequence counts as paused until it has a file{hint}"
                problems.append(Problem(reading.file, reading.line_of(path), message))
    return problems


def warn_of_surprises(reading: Reading, sequence: Sequence, *, between_ticks: timedelta) -> None:
    """Note what is allowed and yet seldom meant ("Settled, yet surprising").

    Args:
        reading: of the file.
        sequence: what it says.
        between_ticks: the longest time from one tick to the next; what is shorter may fall between two.
    """
    minutes = int(between_ticks.total_seconds() // 60)
    trigger = sequence.trigger
    if trigger.kind == "segment_entered" and trigger.lookback.total_seconds:
        reading.warning(
            ("trigger", "lookback"),
            "lookback has no effect with segment_entered; include_existing is what takes members in",
        )
    if trigger.kind != "segment_entered" and trigger.include_existing:
        reading.warning(("trigger", "include_existing"), "include_existing has no effect without segment_entered")
    for index, event in enumerate(sequence.exit_on.events):
        if event == trigger.event:
            message = f"'{event}' is both trigger and exit: with re-entry it restarts the sequence"
            reading.warning(("exit_on", "events", index), message)
    window = sequence.send_window
    if window and window.open_minutes < minutes:
        reading.warning(
            ("send_window",),
            f"this window is open for {window.open_minutes} minutes,"
            f" less than the {minutes} between ticks: it may be missed",
        )
    for index, step in enumerate(sequence.steps):
        _warn_of_step(reading, index, step, minutes)


def _warn_of_step(reading: Reading, index: int, step: Step, minutes: int) -> None:
    path: Path = ("steps", index)
    if step.expires_after and step.expires_after.total_seconds <= 60 * minutes:
        reading.warning(
            (*path, "expires_after"),
            f"expires_after is not longer than the {minutes} minutes between two ticks: the step may never go out",
        )
    # A segment may well hold as the lead enters; nothing can have happened since.
    asks_what_happened = step.only_if.model_copy(update={"segment": Conditions().segment}) != Conditions()
    if index == 0 and not step.delay.total_seconds and asks_what_happened:
        reading.warning(
            (*path, "only_if"),
            "a condition on a first step without delay is judged as the lead enters, and practically always skips it",
        )


def _check_trigger(reading: Reading) -> None:
    trigger = reading.data.get("trigger")
    if not isinstance(trigger, dict):
        return
    event, segment = trigger.get("event"), trigger.get("segment_entered")
    if event is None and segment is None:
        reading.error(("trigger",), "the trigger names nothing: give it event: NAME or segment_entered: SEGMENT")
    if event is not None and segment is not None:
        reading.error(("trigger", "segment_entered"), "a trigger has either event or segment_entered, not both")
    if trigger.get("where") is not None and (event is None or event == LEAD_CREATED):
        what = LEAD_CREATED if event == LEAD_CREATED else "segment_entered"
        reading.error(
            ("trigger", "where"), f"where needs an event with properties; {what} has none (E1): use segments instead"
        )


def _check_lead_created(reading: Reading) -> None:
    for pattern in ("goal.event", "exit_on.events", "steps.*.only_if.event", "steps.*.unless.event"):
        for path, event in texts_at(reading.data, pattern):
            if event == LEAD_CREATED:
                reading.error(path, f"{LEAD_CREATED} can be a trigger only (E1): name another event")


def _check_confirmation(reading: Reading) -> None:
    """What asks for a confirmation goes to strangers: once, for one reason, whatever they get else."""
    if as_flag(reading.data.get("confirmation")) is not True:
        return
    if as_flag(reading.data.get("transactional")) is not True:
        reading.error(("confirmation",), "a confirmation is transactional: write transactional: true, too")
    trigger, steps = reading.data.get("trigger"), reading.data.get("steps")
    if isinstance(trigger, dict) and trigger.get("event") != LEAD_CREATED:
        reading.error(
            ("trigger",), f"a confirmation is asked for once a lead: write trigger: {{event: {LEAD_CREATED}}}"
        )
    if isinstance(steps, list) and len(steps) > 1:
        reading.error(("steps", 1), "a confirmation is one message: who doesn't answer it is not asked again")


def _check_ids(reading: Reading, what: str, items: list[tuple[Path, Any]]) -> None:
    seen: dict[str, Path] = {}
    for path, item in items:
        name = written_text(item.get("id")) if isinstance(item, dict) else None
        if name is None:
            continue
        if name in seen:
            first = reading.line_of((*seen[name], "id"))
            reading.error((*path, "id"), f"duplicate {what} id '{name}': line {first} has it already")
        seen.setdefault(name, path)


def _check_step_references(reading: Reading, steps: list[Any]) -> None:
    names = [written_text(step.get("id")) if isinstance(step, dict) else None for step in steps]
    known = [name for name in names if name]
    for polarity in _POLARITIES:
        for kind in ("opened", "clicked"):
            for path, name in texts_at(reading.data, f"steps.*.{polarity}.{kind}"):
                here = path[1] if isinstance(path[1], int) else 0
                if name not in known:
                    reading.error(path, f"unknown step '{name}'{suggestion(name, known)}")
                elif names.index(name) >= here:
                    reading.error(
                        path, f"step '{name}' doesn't stand before this one, so nobody can have {kind} it yet"
                    )


def _check_content(reading: Reading, path: Path, step: dict[str, Any]) -> None:
    variants = step.get("variants")
    if variants is None:
        if step.get("template") is None:
            reading.error(path, f"{_called(step)} has neither template nor variants: give it a subject and a template")
        elif step.get("subject") is None:
            reading.error(path, f"missing key 'subject' in {_called(step)}")
        return
    for key in ("subject", "preview_text", "template"):
        if step.get(key) is not None:
            reading.error((*path, key), f"{_called(step)} has variants, so {key} belongs in each of them")
    if not isinstance(variants, list):
        return
    _check_ids(reading, "variant", [((*path, "variants", index), variant) for index, variant in enumerate(variants)])
    weights = [variant.get("weight", 1) for variant in variants if isinstance(variant, dict)]
    if weights and all(isinstance(weight, (int, float)) and weight == 0 for weight in weights):
        reading.error((*path, "variants"), f"all variants of {_called(step)} have weight 0: give one of them more")


def _called(step: dict[str, Any]) -> str:
    return f"step '{step['id']}'" if isinstance(step.get("id"), str) else "this step"


def _found(data: Any, keys: tuple[str, ...], path: Path) -> Iterator[tuple[Path, str | None]]:
    if keys and keys[0] == "*":
        if isinstance(data, list):
            for index, item in enumerate(data):
                yield from _found(item, keys[1:], (*path, index))
    elif keys:
        if isinstance(data, dict) and keys[0] in data:
            yield from _found(data[keys[0]], keys[1:], (*path, keys[0]))
    elif isinstance(data, list):
        yield from (((*path, index), written_text(item)) for index, item in enumerate(data))
    else:
        yield path, written_text(data)
