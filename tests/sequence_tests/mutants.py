"""Every small change of the files that decide who gets what when: a key left out, a value changed, an item dropped.

Found by walking the YAML and the SQL, so that a new key or segment has its mutants by itself. A change that `validate`
would refuse, or that changes nothing, is none.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from dagster_drips.project import Project
from dagster_drips.sequences.catalog import SEQUENCE_FILE, SETTINGS_FILE, Catalog
from dagster_drips.sequences.checks import check_references
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.schema import ProjectSettings, Sequence
from dagster_drips.sequences.yaml_source import Path, WrittenInteger, WrittenNumber, YamlDocument, read_yaml

UNITS = ("weeks", "days", "hours", "minutes", "seconds")
NAMES = ("name", "id", "status")
"""Keys that decide nothing by themselves: what people read, ids, and a status that tests take to be active."""
OTHER_WORDS = {"lead": "UTC", "trigger": None, "never": "after_exit", "after_exit": "never"}


@dataclass(frozen=True)
class Mutant:
    """One change: of a sequence's file, of `project.yml`, or of a segment's SQL (`sql`)."""

    file: str
    what: str
    owner: str
    """The sequence's id, `project.yml`, or the segment's name."""
    content: Any
    """The whole of the changed file: data, or SQL."""

    def edit(self, catalog: Catalog) -> Catalog:
        """The catalog as if the file said this."""
        if isinstance(self.content, Sequence):
            written = catalog.written[self.owner]
            changed = replace(written, sequence=self.content.model_copy(update={"name": written.sequence.name}))
            return replace(catalog, written={**catalog.written, self.owner: changed})
        if isinstance(self.content, ProjectSettings):
            return replace(catalog, settings=self.content)
        return catalog

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def mutants_of_sequences(project: Project, catalog: Catalog) -> Iterator[Mutant]:
    for sequence_id, written in sorted(catalog.written.items()):
        file = f"{sequence_id}/{SEQUENCE_FILE}"
        templates = [name for name in written.files if "/" not in name and name.endswith(".html")]
        segments = sorted(path.stem for path in project.segments.glob("*.sql"))
        for what, data in _changes(_data(project, file), {"template": templates, "segment": segments}):
            changed = _validated(file, data, Sequence)
            if changed is not None and _same_but_name(changed, written.sequence):
                continue
            if changed is not None:
                yield Mutant(file, what, sequence_id, changed)


def mutants_of_settings(project: Project, catalog: Catalog) -> Iterator[Mutant]:
    data = _data(project, SETTINGS_FILE)
    for what, changed_data in _changes(data, {}):
        changed = _validated(SETTINGS_FILE, changed_data, ProjectSettings)
        # Types of fields are no one's condition here; without a sender there is no mail at all.
        if changed is not None and changed != catalog.settings and not what.startswith(("fields", "sender")):
            yield Mutant(SETTINGS_FILE, what, SETTINGS_FILE, changed)


def mutants_of_segments(project: Project) -> Iterator[Mutant]:
    for path in sorted(project.segments.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        for number, (old, new, changed) in enumerate(_changes_of_sql(text)):
            yield Mutant(f"segments/{path.name}", f"{number}: {old} → {new}", path.stem, changed)


def _data(project: Project, file: str) -> Any:
    found = read_yaml((project.sequences / file).read_bytes())
    assert isinstance(found, YamlDocument)
    return found.data


def _validated(file: str, data: Any, model: type[Any]) -> Any:
    reading = Reading(file, json.dumps(data).encode())
    value = reading.validated(model)
    if value is not None and model is Sequence:
        check_references(reading)
    return None if reading.is_broken else value


def _same_but_name(changed: Sequence, sequence: Sequence) -> bool:
    return changed.model_copy(update={"name": sequence.name}) == sequence


# YAML ----------------------------------------------------------------------------------------------------------------


def _changes(data: Any, others: dict[str, list[str]]) -> Iterator[tuple[str, Any]]:
    """(what, the whole document changed) for every change anywhere in it."""
    for path, value in _parts(data, ()):
        if path and path[-1] in NAMES:
            continue
        for what, new in _new_values(path, value, others):
            changed = copy.deepcopy(data)
            owner = changed
            for part in path[:-1]:
                owner = owner[part]
            if new is _GONE:
                del owner[path[-1]]
            else:
                owner[path[-1]] = new
            yield f"{_spelled(data, path)} {what}", changed


_GONE = object()


def _parts(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if path:
        yield path, value
    if isinstance(value, dict) and not (path and set(value) <= set(UNITS)):
        for key, inner in value.items():
            yield from _parts(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _parts(inner, (*path, number))


def _new_values(path: Path, value: Any, others: dict[str, list[str]]) -> Iterator[tuple[str, Any]]:
    yield "left out", _GONE
    key = str(next(part for part in reversed(path) if isinstance(part, str)))
    if isinstance(value, dict) and value and set(value) <= set(UNITS):
        yield "twice as long", {unit: number * 2 for unit, number in value.items()}
        yield "half as long", {unit: number / 2 for unit, number in value.items()}
    elif isinstance(value, bool):
        yield f"{not value}", not value
    elif isinstance(value, (int, float)):
        number = int(value) if isinstance(value, WrittenInteger) else float(value)
        doubled, halved = number * 2, number // 2 if isinstance(number, int) else number / 2
        assert isinstance(value, (WrittenInteger, WrittenNumber))
        yield f"{value} → {doubled}", doubled
        yield f"{value} → {halved}", halved
    elif isinstance(value, str):
        for new in _other_texts(key, path, value, others):
            yield f"{value} → {new}", new
    elif isinstance(value, list):
        for number in range(len(value) - 1):
            swapped = [*value[:number], value[number + 1], value[number], *value[number + 2 :]]
            if key in ("steps", "variants"):
                yield f"{number + 1} and {number + 2} swapped", swapped


def _other_texts(key: str, path: Path, value: str, others: dict[str, list[str]]) -> Iterator[str]:
    if re.fullmatch(r"\d\d:\d\d", value):
        hours = int(value[:2])
        yield from (f"{hours + change:02}{value[2:]}" for change in (-1, 1) if 0 <= hours + change < 24)
    elif key in OTHER_WORDS.values() or value in OTHER_WORDS:
        other = OTHER_WORDS.get(value)
        if other is not None:
            yield other
    elif key in ("subject", "preview_text"):
        yield "Something else"
    elif key == "template":
        yield from [name for name in others["template"] if name != value][:1]
    elif key in ("segment", "segment_entered", "include", "exclude"):
        yield from [name for name in others["segment"] if name != value][:1]
    elif key in ("opened", "clicked", "after", "days"):
        return
    elif key == "sender":
        yield from [name for name in ("acme", "grace", "tom") if name != value][:1]
    elif key == "timezone":
        yield "America/New_York"
    else:
        yield f"{value}_other"


def _spelled(data: Any, path: Path) -> str:
    """Where it stands, steps and variants by their ids: `steps[day].delay`."""
    text = ""
    for part in path:
        data = data[part]
        name = data.get("id", part) if isinstance(data, dict) else part
        text += f"[{name}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


# SQL -----------------------------------------------------------------------------------------------------------------

SQL_CHANGES = (
    (r"<=", ">"),
    (r"(?<![<>!])=(?!=)", "<>"),
    (r"(?<![<-])>(?!=)", "<="),
    (r"\band\b", "or"),
    (r"\bor\b", "and"),
    (r"\bis not null\b", "is null"),
    (r"\bis null\b", "is not null"),
    (r"\bmax\(", "min("),
    (r"(?<=then )1\b", "0"),
    (r"\b(?=\d+ days')", "2"),
    (r"'(?=[a-z_]+')", "'other_"),
)
"""What is found → what stands there instead: comparisons, connectives, aggregates, spans, names of events and tags."""


def _changes_of_sql(text: str) -> Iterator[tuple[str, str, str]]:
    for pattern, new in SQL_CHANGES:
        for found in re.finditer(pattern, text):
            if "ref('" in text[max(0, found.start() - 4) : found.end()]:
                continue
            line = text[: found.start()].count("\n") + 1
            changed = text[: found.start()] + new + text[found.end() :]
            old = text.splitlines()[line - 1].strip()
            yield old, changed.splitlines()[line - 1].strip(), changed
