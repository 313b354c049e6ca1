"""A sequence's templates: collecting the texts of one version, and finding what would fail when they are rendered.

Here belong finding the files (own folder first, then `sequences/` for what several share) and checking them as
HTML and Jinja. What variables there are is in `variables`; rendering belongs to `templating`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from dagster_drips.project import Project
from dagster_drips.sequences.checks import texts_at
from dagster_drips.sequences.content_files import ContentFile
from dagster_drips.sequences.fields import as_flag
from dagster_drips.sequences.html_check import check_html
from dagster_drips.sequences.html_places import template_warnings
from dagster_drips.sequences.mail_warnings import (
    CLIPPED_BYTES,
    clipped_bytes,
    foreign_merge_tags,
    lost_blocks,
    readable_syntax,
    relative_links,
)
from dagster_drips.sequences.places import path_of, refusal
from dagster_drips.sequences.problems import Problem, nearest, suggestion
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.step_content import content_used
from dagster_drips.sequences.template_facts import template_environment, template_facts
from dagster_drips.sequences.variables import CONFIRM_URL, VariableJudge
from dagster_drips.vocabulary import LEAD_CREATED

_LINES = ("subject", "preview_text")
_SUFFIXES = frozenset({".html", ".htm", ".txt"})


@dataclass
class TemplateFolder:
    """The templates of one sequence, read as far as they are needed.

    Args:
        project: whose `sequences/` holds what several sequences share.
        folder: the sequence's own.
        fields: custom fields that `project.yml` declares; None: nobody knows, so leads' attributes aren't judged.
        sender: whose mails they are, key by key; None: nobody knows.
        content: the project's content models by name (M9).
    """

    project: Project
    folder: Path
    fields: Collection[str] | None
    sender: dict[str, Any] | None
    content: Mapping[str, ContentFile] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """Name as templates use it → text: what a version keeps."""
    problems: list[Problem] = field(default_factory=list)
    _files: dict[str, str] = field(default_factory=dict)

    def read(self, reading: Reading) -> None:
        """Collect what the sequence's steps name, whatever these name in turn, and note every mistake in all of it."""
        is_html: set[str] = set()
        for pattern in ("steps.*.template", "steps.*.variants.*.template"):
            for path, name in texts_at(reading.data, pattern):
                line = reading.line_of(path)
                if not name.endswith((".html", ".htm")):
                    message = f"template '{name}' must be HTML and end in .html; plain text goes beside it in a .txt"
                    self.problems.append(Problem(reading.file, line, message))
                elif self._collect(name, reading.file, line, ()):
                    is_html.add(name)
                    plain = str(PurePosixPath(name).with_suffix(".txt"))
                    if self._path_of(plain):
                        self._collect(plain, reading.file, line, ())
        self._check_html(is_html)
        self._warn_of_places()
        self._check_uses(reading)
        self._warn(reading, is_html)

    def _collect(self, name: str, referrer: str, line: int, chain: tuple[str, ...]) -> bool:
        """Take in a template and what it names; whether it is there."""
        if name in chain:
            self.problems.append(Problem(referrer, line, f"template '{name}' includes or extends itself"))
            return True
        if name in self.texts:
            return True
        path = self._path_of(name)
        if path is None:
            message = refusal("template", name) or f"there is no template '{name}'{self._hint(name)}"
            self.problems.append(Problem(referrer, line, message))
            return False
        file = path.relative_to(self.project.root).as_posix()
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            bad = path.read_bytes()[: error.start].count(b"\n") + 1
            self.problems.append(Problem(file, bad, "this is not UTF-8 text; save the file as UTF-8"))
            return False
        except OSError as error:
            self.problems.append(Problem(file, None, f"can't be read: {error.strerror}"))
            return False
        self.texts[name], self._files[name] = text, file
        facts = template_facts(text)
        if facts.syntax:
            words = readable_syntax(facts.syntax[1], text)
            self.problems.append(Problem(file, facts.syntax[0], f"broken Jinja: {words}"))
        for reference in facts.references:
            if reference.name is None:
                message = "another template's name must be written out, or its text can't be kept with the version"
                self.problems.append(Problem(file, reference.line, message))
            elif reference.required or self._path_of(reference.name):
                self._collect(reference.name, file, reference.line, (*chain, name))
        return True

    def unknown_content(self, reading: Reading) -> list[Problem]:
        """A mistake for every content model that is named and has no file; the sequence's file counts all the same."""
        problems = []
        texts = [(self._files[name], None, text) for name, text in self.texts.items()]
        texts += [
            (reading.file, reading.line_of(path), text)
            for pattern in (f"steps.*{inner}.{key}" for inner in ("", ".variants.*") for key in _LINES)
            for path, text in texts_at(reading.data, pattern)
        ]
        for file, line, text in texts:
            for name in sorted(content_used(text) - self.content.keys()):
                lines = [use.line for use in template_facts(text).uses if use.chain[:2] == ("content", name)]
                hint = suggestion(name, self.content) or f"; make dbt_project/models/content/{name}.sql"
                message = f"unknown content model '{name}': the sequence is held until it has a file (M9){hint}"
                problems.append(Problem(file, line or min(lines), message))
        return problems

    def with_all_it_names(self, name: str) -> Iterator[tuple[str, str]]:
        """(file, text) of a template and of all that it names in turn, plain text left out."""
        pending, seen = [name], set()
        while pending:
            name = pending.pop(0)
            if name in seen or name not in self.texts or name.endswith(".txt"):
                continue
            seen.add(name)
            yield self._files[name], self.texts[name]
            pending.extend(
                reference.name for reference in template_facts(self.texts[name]).references if reference.name
            )

    def _path_of(self, name: str) -> Path | None:
        return path_of(self.project, self.folder, name)

    def _hint(self, name: str) -> str:
        own = [path.relative_to(self.folder) for path in self.folder.rglob("*")]
        shared = [path.relative_to(self.project.sequences) for path in self.project.sequences.glob("_*/*")]
        close = nearest(name, [path.as_posix() for path in (*own, *shared) if path.suffix in _SUFFIXES])
        place = (self.folder / name).relative_to(self.project.root).as_posix()
        return f"; did you mean '{close}'?" if close else f": make {place}"

    def _check_html(self, names: Collection[str]) -> None:
        pending, checked = sorted(names), set()
        while pending:
            name = pending.pop(0)
            if name in checked or name not in self.texts:
                continue
            checked.add(name)
            facts = template_facts(self.texts[name])
            if facts.syntax or any(template_facts(text).syntax for text in self.texts.values()):
                continue
            found = check_html(template_environment(), self._files[name], self.texts[name], self._included)
            self.problems.extend(Problem(mistake.file, mistake.line, mistake.message) for mistake in found)
            if "{% extends" in self.texts[name] or "{%- extends" in self.texts[name]:
                pending.extend(
                    reference.name for reference in facts.references if reference.name and reference.required
                )

    def _warn_of_places(self) -> None:
        for name, text in self.texts.items():
            if name.endswith(".txt") or template_facts(text).syntax:
                continue
            for line, message in template_warnings(text):
                self.problems.append(Problem(self._files[name], line, message, "warning"))

    def _included(self, name: str) -> tuple[str, str] | None:
        return (self._files[name], self.texts[name]) if name in self.texts else None

    def _check_confirm_links(self, reading: Reading) -> None:
        """Every mail of a confirmation needs the link that confirms, in the text beside it as well."""
        for pattern in ("steps.*.template", "steps.*.variants.*.template"):
            for path, name in texts_at(reading.data, pattern):
                plain = str(PurePosixPath(name).with_suffix(".txt"))
                for one in (name, plain):
                    if one not in self.texts:
                        continue
                    texts = [self.texts[one]] if one == plain else [text for _, text in self.with_all_it_names(one)]
                    if not any(CONFIRM_URL in template_facts(text).undeclared for text in texts):
                        message = (
                            f"template '{one}' of a confirmation has no link to confirm: write {{{{ confirm_url }}}}"
                        )
                        self.problems.append(Problem(reading.file, reading.line_of(path), message))

    def _check_uses(self, reading: Reading) -> None:
        trigger, sender = reading.data.get("trigger"), self.sender
        event = trigger.get("event") if isinstance(trigger, dict) else None
        silent = (
            {"name", "reply_to"} - {key for key, value in sender.items() if value}
            if isinstance(sender, dict)
            else set()
        )
        has_event = isinstance(event, str) and event != LEAD_CREATED
        confirms = as_flag(reading.data.get("confirmation")) is True
        judge = VariableJudge(
            self.fields,
            has_event=has_event,
            absent_of_sender=frozenset(silent),
            confirms=confirms,
            content=self.content,
        )
        if confirms:
            self._check_confirm_links(reading)
        every = {name: template_facts(text) for name, text in self.texts.items()}
        for name, facts in every.items():
            shared = frozenset().union(*(other.assigned for key, other in every.items() if key != name))
            for line, message, is_error in judge.verdicts(facts, shared):
                self.problems.append(Problem(self._files[name], line, message, "error" if is_error else "warning"))
        for key in _LINES:
            for pattern in (f"steps.*.{key}", f"steps.*.variants.*.{key}"):
                for path, text in texts_at(reading.data, pattern):
                    facts = template_facts(text)
                    line = reading.line_of(path)
                    if facts.syntax:
                        self.problems.append(Problem(reading.file, line, f"broken Jinja in {key}: {facts.syntax[1]}"))
                    if facts.references:
                        self.problems.append(Problem(reading.file, line, f"{key} can't include other templates"))
                    for _, message, is_error in judge.verdicts(facts, frozenset()):
                        self.problems.append(Problem(reading.file, line, message, "error" if is_error else "warning"))

    def _warn(self, reading: Reading, mails: Collection[str]) -> None:
        """Note what goes out as it stands and is seldom meant, in every text and in the subjects."""
        sound = not any(template_facts(text).syntax for text in self.texts.values())
        for name, text in self.texts.items():
            found = list(foreign_merge_tags(text))
            if not name.endswith(".txt"):
                found += relative_links(text)
            if sound:
                found += lost_blocks(name, self.texts)
            self.problems.extend(Problem(self._files[name], line, message, "warning") for line, message in found)
        for name in sorted(mails) if sound else ():
            size = clipped_bytes(name, self.texts)
            if size:
                kilobytes = f"{size / 1024:.0f} KB with its styles inlined; Gmail clips what is over"
                message = (
                    f"this mail has {kilobytes} {CLIPPED_BYTES // 1024} KB, and hides the unsubscribe link with it"
                )
                self.problems.append(Problem(self._files[name], 1, message, "warning"))
        for pattern in (
            f"steps.*{inner}.{key}" for inner in ("", ".variants.*") for key in ("subject", "preview_text")
        ):
            for path, text in texts_at(reading.data, pattern):
                for _, message in foreign_merge_tags(text):
                    reading.warning(path, message)
