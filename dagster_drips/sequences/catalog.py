"""The sequence files of a project as they stand now: read, checked, with the project's defaults filled in.

Here belongs finding and reading files. What was live before, and what is live where a file is broken or gone, is in
`versions`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from dagster_drips.blob_store import FileFacts
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.sequences.attached_files import AttachedFile, FileFolder
from dagster_drips.sequences.checks import check_references, unknown_segments, warn_of_surprises
from dagster_drips.sequences.content_files import ContentFile, content_files
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.schema import ProjectSettings, Sequence
from dagster_drips.sequences.senders import Senders, check_sender_name, check_senders, known_senders
from dagster_drips.sequences.templates import TemplateFolder
from dagster_drips.settings import load_schedules
from dagster_drips.vocabulary import LEAD_COLUMNS

SEQUENCE_FILE = "sequence.yml"
SETTINGS_FILE = "project.yml"
SENDERS_FILE = "senders.yml"
HOOKS_FILE = "hooks.yml"
"""What others post and how it becomes events, which is the collector's to read."""
TESTS_FILE = "tests.yml"
"""Beside a sequence's file: its tests (`tests_file`), which are no part of a version."""
_OTHER_FILES = frozenset({SETTINGS_FILE, SENDERS_FILE})
_ID = re.compile(r"[a-z0-9_-]+")
_PROJECT = "project"
"""No sequence's id: the project's holdout is drawn by this name (E8)."""
_AT_REST = ("draft", "paused", "archived")
"""Every status but active."""


@dataclass(frozen=True)
class SequenceSource:
    """One version of a sequence: its definition with the project's defaults filled in, and the texts that it renders.

    Args:
        sequence_id: its folder's name.
        sequence: the definition; `sender` is always written out.
        files: template name → text of all that its steps use.
        version_id: md5 over both, and over the hashes of attached files where there are any.
        attached_files: name → attachment or image.
    """

    sequence_id: str
    sequence: Sequence
    files: dict[str, str]
    version_id: str
    attached_files: dict[str, FileFacts] = field(default_factory=dict)

    @property
    def definition(self) -> str:
        """The definition as canonical JSON; `Sequence.model_validate_json` reads it."""
        return canonical_json(self.sequence)

    @property
    def files_json(self) -> str:
        """The texts as a JSON object."""
        return json.dumps(self.files, sort_keys=True, ensure_ascii=False)

    @property
    def attached_files_json(self) -> str | None:
        """What is known of attachments and images as a JSON object; None where there are none."""
        facts = {name: asdict(facts) for name, facts in self.attached_files.items()}
        return json.dumps(facts, sort_keys=True, ensure_ascii=False) if facts else None


@dataclass(frozen=True)
class WrittenSequence:
    """A valid sequence as its file gives it, before the project's defaults."""

    sequence_id: str
    sequence: Sequence
    files: dict[str, str]
    attached_files: dict[str, AttachedFile] = field(default_factory=dict)

    def resolved(self, settings: ProjectSettings, senders: Senders) -> SequenceSource | None:
        """With these defaults and identities; None where that leaves it without a sender."""
        sender = senders.resolved(self.sequence.sender, settings.sender)
        if sender is None:
            return None
        # Whom a receipt is for waits for it: no window unless the sequence names one (M5).
        default = None if self.sequence.transactional else settings.send_window
        window = self.sequence.send_window or default
        if window and window.timezone is None:
            window = window.model_copy(update={"timezone": settings.timezone})
        given = {"sender": sender, "send_window": window, "priority": self.sequence.effective_priority}
        sequence = self.sequence.model_copy(update=given)
        texts = json.dumps(self.files, sort_keys=True, ensure_ascii=False)
        content = f"{canonical_json(sequence)}\n{texts}"
        attached = {name: file.facts for name, file in self.attached_files.items()}
        if attached:
            content += "\n" + json.dumps({name: facts.sha256 for name, facts in attached.items()}, sort_keys=True)
        version_id = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
        return SequenceSource(self.sequence_id, sequence, self.files, version_id, attached)


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
        senders: what `senders.yml` says, or what is right in it where it is broken.
        senders_valid: whether `senders.yml` validates, as with `settings_valid`.
        active_with_errors: ids of sequences whose file has an error and says active, or can't be read at all.
    """

    settings: ProjectSettings
    sources: dict[str, SequenceSource]
    invalid: set[str]
    problems: list[Problem]
    settings_valid: bool = True
    written: dict[str, WrittenSequence] = field(default_factory=dict)
    senders: Senders = field(default_factory=Senders)
    senders_valid: bool = True
    active_with_errors: frozenset[str] = frozenset()

    @property
    def errors(self) -> list[Problem]:
        """The mistakes; all but a segment (E5) or content model (M9) without a file keep theirs from being taken."""
        return [problem for problem in self.problems if problem.severity == "error"]


@dataclass(frozen=True)
class _Surroundings:
    """What a sequence file is read against: the project-wide files, and the names that it may use.

    `known_senders` None: `senders.yml` can't be read, so nobody knows which there are.
    """

    segments: frozenset[str]
    senders: Senders = field(default_factory=Senders)
    senders_valid: bool = True
    known_senders: Collection[str] | None = ()
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    settings_valid: bool = True
    between_ticks: timedelta = timedelta(minutes=5)
    content: Mapping[str, ContentFile] = field(default_factory=dict)

    def sender_of(self, written: Any) -> dict[str, Any] | None:
        """The sender that such a `sender:` comes to, as far as anybody knows."""
        if isinstance(written, dict):
            return written
        if written is not None and not isinstance(written, str):
            return None
        sender = self.senders.resolved(written, self.settings.sender)
        return sender.model_dump() if sender else None


def canonical_json(model: Sequence | ProjectSettings | Senders) -> str:
    """One spelling for one meaning: keys sorted, what isn't given left out."""
    return json.dumps(
        model.model_dump(mode="json", exclude_none=True), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )


def read_catalog(project: Project, *, segments: Collection[str]) -> Catalog:
    """Read and check every sequence file; what is wrong becomes a problem, never an exception.

    Args:
        project: where `sequences/` is.
        segments: names that the files may refer to, as `segment_names` gives them.
    """
    around, problems = _read_settings(project, *_read_senders(project, frozenset(segments)))
    around = replace(around, content=content_files(project))
    # Whoever runs by a schedule reports that it is bad; sequence files can be read all the same.
    with contextlib.suppress(DripsError):
        around = replace(around, between_ticks=load_schedules(project).schedule.longest)
    written: dict[str, WrittenSequence] = {}
    invalid: set[str] = set()
    active_with_errors: set[str] = set()
    for entry in sorted(project.sequences.iterdir()):
        if entry.name.startswith((".", "_")):
            continue
        if not entry.is_dir():
            problems.extend(_stray_file(project, entry))
            continue
        if not (entry / SEQUENCE_FILE).exists():
            problems.append(_no_sequence(project, entry))
            continue
        found, more, is_active = _read_sequence(project, entry, around)
        problems.extend(more)
        if is_active and any(problem.severity == "error" for problem in more):
            active_with_errors.add(entry.name)
        if found is None:
            invalid.add(entry.name)
        else:
            written[entry.name] = found
    settings, senders = around.settings, around.senders
    problems.extend(_check_confirmations(project, settings, written, invalid))
    sources = {name: source for name, sequence in written.items() if (source := sequence.resolved(settings, senders))}
    unique = sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line or 0, problem.message))
    return Catalog(
        settings,
        sources,
        invalid,
        unique,
        around.settings_valid,
        written,
        senders,
        around.senders_valid,
        frozenset(active_with_errors),
    )


def read_project_settings(project: Project) -> ProjectSettings:
    """What is right in `project.yml` as it stands, by itself: for what must work whatever is wrong elsewhere."""
    around, _ = _read_settings(project, _Surroundings(frozenset(), known_senders=None), [])
    return around.settings


def _check_confirmations(
    project: Project, settings: ProjectSettings, written: dict[str, WrittenSequence], invalid: set[str]
) -> list[Problem]:
    """At most one active sequence asks for confirmations, the first by name, and `page_leads: confirm` needs it.

    Further ones move from `written` to `invalid`.
    """
    problems = []
    asking = [name for name, one in written.items() if one.sequence.confirmation and one.sequence.status == "active"]
    for name in asking[1:]:
        message = f"sequence '{asking[0]}' asks for confirmations already: a project has one active sequence that does"
        problems.append(Problem(_file_of(project, f"{name}/{SEQUENCE_FILE}"), None, message))
        del written[name]
        invalid.add(name)
    file = _file_of(project, SETTINGS_FILE)
    if settings.page_leads == "confirm" and not asking:
        message = "page_leads: confirm needs an active sequence with confirmation: true; until then these leads wait"
        problems.append(Problem(file, None, message))
    if settings.page_leads != "confirm" and asking:
        message = "asks nobody: only with page_leads: confirm in project.yml do leads of pages get a confirmation"
        problems.append(Problem(_file_of(project, f"{asking[0]}/{SEQUENCE_FILE}"), None, message, "warning"))
    return problems


def _file_of(project: Project, name: str) -> str:
    return (project.sequences / name).relative_to(project.root).as_posix()


def _read_senders(project: Project, segments: frozenset[str]) -> tuple[_Surroundings, list[Problem]]:
    """The identities (what is right of them), and the problems."""
    reading = _opened(project, SENDERS_FILE)
    if reading is None:
        return _Surroundings(segments), []
    if isinstance(reading, Problem):
        return _Surroundings(segments, senders_valid=False, known_senders=None), [reading]
    senders = reading.validated(Senders)
    check_senders(reading)
    known = None if reading.document is None else known_senders(reading)
    if senders is None or reading.is_broken:
        senders = reading.without_mistakes(Senders) or Senders()
        return _Surroundings(segments, senders, False, known), reading.problems
    return _Surroundings(segments, senders, True, known), reading.problems


def _read_settings(
    project: Project, around: _Surroundings, problems: list[Problem]
) -> tuple[_Surroundings, list[Problem]]:
    """The same with the settings (what is right of them), and the problems of both."""
    reading = _opened(project, SETTINGS_FILE)
    if reading is None:
        return around, problems
    if isinstance(reading, Problem):
        return replace(around, settings_valid=False), [*problems, reading]
    settings = reading.validated(ProjectSettings)
    check_sender_name(reading, around.known_senders)
    for name in settings.fields if settings else ():
        if name.lower() in LEAD_COLUMNS:
            reading.warning(
                ("fields", name), f"'{name}' is a known column of leads already: its type here has no effect"
            )
    if settings is None or reading.is_broken:
        settings = reading.without_mistakes(ProjectSettings) or ProjectSettings()
        return replace(around, settings=settings, settings_valid=False), [*problems, *reading.problems]
    return replace(around, settings=settings), [*problems, *reading.problems]


def _opened(project: Project, name: str) -> Reading | Problem | None:
    """A file of `sequences/` to be checked, or why it can't be read; None where it isn't there."""
    path = project.sequences / name
    if not path.exists():
        return None
    file = path.relative_to(project.root).as_posix()
    content = _content(path)
    return Problem(file, None, content) if isinstance(content, str) else Reading(file, content)


def _read_sequence(
    project: Project, folder: Path, around: _Surroundings
) -> tuple[WrittenSequence | None, list[Problem], bool]:
    """The sequence (None: not valid), what is wrong, and whether the file says active, as far as it can be read."""
    path = folder / SEQUENCE_FILE
    file = path.relative_to(project.root).as_posix()
    if not _ID.fullmatch(folder.name):
        message = f"the folder's name '{folder.name}' is the sequence's id: use only the characters a-z, 0-9, _ and -"
        return None, [Problem(file, 1, message)], True
    if folder.name == _PROJECT:
        message = f"a sequence can't be called '{_PROJECT}': its holdout would be the project's (E8); rename the folder"
        return None, [Problem(file, 1, message)], True
    content = _content(path)
    if isinstance(content, str):
        return None, [Problem(file, None, content)], True
    reading = Reading(file, content)
    if reading.document is None:
        return None, reading.problems, True
    is_active = reading.data.get("status") not in (None, *_AT_REST)
    sequence = reading.validated(Sequence)
    check_references(reading)
    check_sender_name(reading, around.known_senders)
    settings, written = around.settings, reading.data.get("sender")
    everybody_known = around.settings_valid and around.senders_valid
    if everybody_known and (written or around.senders.default or settings.sender) is None:
        reading.error(
            (), "no sender: give one here (sender: {name: …, email: …}), or for all sequences in sequences/project.yml"
        )
    fields = settings.fields if around.settings_valid or settings.fields else None
    templates = TemplateFolder(project, folder, fields, around.sender_of(written), around.content)
    templates.read(reading)
    attached = FileFolder(project, folder)
    attached.read(reading, templates)
    if sequence:
        warn_of_surprises(reading, sequence, between_ticks=around.between_ticks)
    problems = [*reading.problems, *templates.problems, *attached.problems]
    without_file = [*unknown_segments(reading, around.segments), *templates.unknown_content(reading)]
    if sequence is None or any(problem.severity == "error" for problem in problems):
        return None, [*problems, *without_file], is_active
    if not sequence.name:
        sequence = sequence.model_copy(update={"name": folder.name})
    texts, files = dict(sorted(templates.texts.items())), dict(sorted(attached.found.items()))
    return WrittenSequence(folder.name, sequence, texts, files), [*problems, *without_file], is_active


def _content(path: Path) -> bytes | str:
    """A file's bytes, or why it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        return f"can't be read: {error.strerror}"


def _no_sequence(project: Project, folder: Path) -> Problem:
    name = folder.relative_to(project.root).as_posix()
    other = next((path.name for path in sorted(folder.glob("*.y*ml")) if path.name != TESTS_FILE), None)
    if other:
        return Problem(f"{name}/{other}", None, f"is not read: rename it to {SEQUENCE_FILE}", "warning")
    hint = f"holds no {SEQUENCE_FILE}, so it is no sequence; folders that templates share begin with _"
    return Problem(name, None, hint, "warning")


def _stray_file(project: Project, path: Path) -> list[Problem]:
    if path.name in _OTHER_FILES or path.suffix not in (".yml", ".yaml"):
        return []
    message = f"is not read: a sequence is a folder with {SEQUENCE_FILE}, the project's settings are {SETTINGS_FILE}"
    return [Problem(path.relative_to(project.root).as_posix(), None, message, "warning")]
