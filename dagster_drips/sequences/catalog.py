"""The sequence files of a project as they stand now: read, checked, with the project's defaults filled in.

Here belongs finding and reading files. What was live before, and what is live where a file is broken or gone, is in
`versions`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from dagster_drips.project import Project
from dagster_drips.sequences.checks import check_references, warn_of_surprises
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.schema import LEAD_COLUMNS, ProjectSettings, Sequence
from dagster_drips.sequences.templates import TemplateFolder

SEQUENCE_FILE = "sequence.yml"
SETTINGS_FILE = "project.yml"
_OTHER_FILES = frozenset({SETTINGS_FILE, "senders.yml"})
_ID = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True)
class SequenceSource:
    """One version of a sequence: its definition with the project's defaults filled in, and the texts that it renders.

    Args:
        sequence_id: its folder's name.
        sequence: the definition; `sender` is never None.
        files: template name → text of all that its steps use.
        version_id: md5 over both.
    """

    sequence_id: str
    sequence: Sequence
    files: dict[str, str]
    version_id: str

    @property
    def definition(self) -> str:
        """The definition as canonical JSON; `Sequence.model_validate_json` reads it."""
        return canonical_json(self.sequence)

    @property
    def files_json(self) -> str:
        """The texts as a JSON object."""
        return json.dumps(self.files, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class WrittenSequence:
    """A valid sequence as its file gives it, before the project's defaults."""

    sequence_id: str
    sequence: Sequence
    files: dict[str, str]

    def resolved(self, settings: ProjectSettings) -> SequenceSource | None:
        """With these defaults; None where neither names a sender."""
        sender = self.sequence.sender or settings.sender
        if sender is None:
            return None
        window = self.sequence.send_window or settings.send_window
        if window and window.timezone is None:
            window = window.model_copy(update={"timezone": settings.timezone})
        sequence = self.sequence.model_copy(update={"sender": sender, "send_window": window})
        texts = json.dumps(self.files, sort_keys=True, ensure_ascii=False)
        version_id = hashlib.md5(f"{canonical_json(sequence)}\n{texts}".encode(), usedforsecurity=False).hexdigest()
        return SequenceSource(self.sequence_id, sequence, self.files, version_id)


@dataclass(frozen=True)
class Catalog:
    """What all sequence files of a project say, and what is wrong with them.

    Args:
        settings: the project's; what is right in a broken `project.yml`, for the checks' sake alone.
        sources: valid sequences by id.
        invalid: ids of folders whose sequence doesn't validate.
        problems: everything found, sorted by file and line.
        settings_valid: whether `project.yml` validates; where it doesn't, `written` waits for the last valid settings.
        written: valid sequences without the project's defaults.
    """

    settings: ProjectSettings
    sources: dict[str, SequenceSource]
    invalid: set[str]
    problems: list[Problem]
    settings_valid: bool = True
    written: dict[str, WrittenSequence] = field(default_factory=dict)

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep a file from being taken."""
        return [problem for problem in self.problems if problem.severity == "error"]


def canonical_json(model: Sequence | ProjectSettings) -> str:
    """One spelling for one meaning: keys sorted, what isn't given left out."""
    return json.dumps(
        model.model_dump(mode="json", exclude_none=True), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )


def segment_names(project: Project) -> list[str]:
    """The segments that the project has: one a SQL file in `dbt_project/models/segments`, sorted."""
    return sorted(path.stem for path in project.segments.glob("*.sql") if not path.name.startswith("."))


def read_catalog(project: Project, *, segments: Collection[str]) -> Catalog:
    """Read and check every sequence file; what is wrong becomes a problem, never an exception.

    Args:
        project: where `sequences/` is.
        segments: names that the files may refer to, as `segment_names` gives them.
    """
    known_segments = frozenset(segments)
    settings, settings_valid, problems = _read_settings(project)
    written: dict[str, WrittenSequence] = {}
    invalid: set[str] = set()
    for entry in sorted(project.sequences.iterdir()):
        if entry.name.startswith((".", "_")):
            continue
        if not entry.is_dir():
            problems.extend(_stray_file(project, entry))
            continue
        if not (entry / SEQUENCE_FILE).exists():
            problems.append(_no_sequence(project, entry))
            continue
        found, more = _read_sequence(project, entry, known_segments, settings, settings_valid=settings_valid)
        problems.extend(more)
        if found is None:
            invalid.add(entry.name)
        else:
            written[entry.name] = found
    sources = {name: source for name, sequence in written.items() if (source := sequence.resolved(settings))}
    unique = sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line or 0, problem.message))
    return Catalog(settings, sources, invalid, unique, settings_valid, written)


def _read_settings(project: Project) -> tuple[ProjectSettings, bool, list[Problem]]:
    """The settings (what is right of them), whether all is right, and the problems."""
    path = project.sequences / SETTINGS_FILE
    if not path.exists():
        return ProjectSettings(), True, []
    file = path.relative_to(project.root).as_posix()
    content = _content(path)
    if isinstance(content, str):
        return ProjectSettings(), False, [Problem(file, None, content)]
    reading = Reading(file, content)
    settings = reading.validated(ProjectSettings)
    for name in settings.fields if settings else ():
        if name.lower() in LEAD_COLUMNS:
            reading.warning(
                ("fields", name), f"'{name}' is a known column of leads already: its type here has no effect"
            )
    if settings is None or reading.is_broken:
        return reading.without_mistakes(ProjectSettings) or ProjectSettings(), False, reading.problems
    return settings, True, reading.problems


def _read_sequence(
    project: Project, folder: Path, segments: frozenset[str], settings: ProjectSettings, *, settings_valid: bool
) -> tuple[WrittenSequence | None, list[Problem]]:
    path = folder / SEQUENCE_FILE
    file = path.relative_to(project.root).as_posix()
    if not _ID.fullmatch(folder.name):
        message = f"the folder's name '{folder.name}' is the sequence's id: use only the characters a-z, 0-9, _ and -"
        return None, [Problem(file, 1, message)]
    content = _content(path)
    if isinstance(content, str):
        return None, [Problem(file, None, content)]
    reading = Reading(file, content)
    if reading.document is None:
        return None, reading.problems
    sequence = reading.validated(Sequence)
    check_references(reading, segments)
    if reading.data.get("sender") is None and settings.sender is None and settings_valid:
        reading.error(
            (), "no sender: give one here (sender: {name: …, email: …}), or for all sequences in sequences/project.yml"
        )
    fields = settings.fields if settings_valid or settings.fields else None
    templates = TemplateFolder(project, folder, fields, settings.sender.model_dump() if settings.sender else None)
    templates.read(reading)
    if sequence:
        warn_of_surprises(reading, sequence)
    problems = [*reading.problems, *templates.problems]
    if sequence is None or any(problem.severity == "error" for problem in problems):
        return None, problems
    if not sequence.name:
        sequence = sequence.model_copy(update={"name": folder.name})
    return WrittenSequence(folder.name, sequence, dict(sorted(templates.texts.items()))), problems


def _content(path: Path) -> bytes | str:
    """A file's bytes, or why it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        return f"can't be read: {error.strerror}"


def _no_sequence(project: Project, folder: Path) -> Problem:
    name = folder.relative_to(project.root).as_posix()
    other = next((path.name for path in sorted(folder.glob("*.y*ml"))), None)
    if other:
        return Problem(f"{name}/{other}", None, f"is not read: rename it to {SEQUENCE_FILE}", "warning")
    hint = f"holds no {SEQUENCE_FILE}, so it is no sequence; folders that templates share begin with _"
    return Problem(name, None, hint, "warning")


def _stray_file(project: Project, path: Path) -> list[Problem]:
    if path.name in _OTHER_FILES or path.suffix not in (".yml", ".yaml"):
        return []
    message = f"is not read: a sequence is a folder with {SEQUENCE_FILE}, the project's settings are {SETTINGS_FILE}"
    return [Problem(path.relative_to(project.root).as_posix(), None, message, "warning")]
