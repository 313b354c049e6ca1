"""A sequence's templates: collecting the texts of one version, and finding what would fail when they are rendered.

Here belong finding the files (own folder first, then `sequences/` for what several share) and judging what they
mention. Rendering belongs to `dagster_drips.mail`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dagster_drips.project import Project
from dagster_drips.sequences.checks import texts_at
from dagster_drips.sequences.html_check import check_html
from dagster_drips.sequences.problems import Problem, nearest
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.schema import LEAD_COLUMNS, LEAD_CREATED
from dagster_drips.sequences.template_facts import TemplateFacts, Use, template_environment, template_facts

_SURE_COLUMNS = frozenset({"lead_id", "email", "created_at", "updated_at"})
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "sequence": frozenset({"id", "name"}),
    "step": frozenset({"id", "variant"}),
    "sender": frozenset({"name", "email", "reply_to"}),
}
_EVENT = frozenset({"event_id", "lead_id", "event", "occurred_at", "received_at", "properties", "value", "currency"})
_BUILT_IN_EVENT = frozenset({"event", "occurred_at", "properties"})
_ROOTS = frozenset({"lead", "event", "unsubscribe_url", "preferences_url", "view_url", *_ATTRIBUTES})
_SUFFIXES = frozenset({".html", ".htm", ".txt"})
_LONGEST_NAME = 200
_JINJA_NAMES = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})


@dataclass
class TemplateFolder:
    """The templates of one sequence, read as far as they are needed.

    Args:
        project: whose `sequences/` holds what several sequences share.
        folder: the sequence's own.
        fields: custom fields that `project.yml` declares; None: nobody knows, so leads' attributes aren't judged.
    """

    project: Project
    folder: Path
    fields: Collection[str] | None
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
        self._check_uses(reading)

    def _collect(self, name: str, referrer: str, line: int, chain: tuple[str, ...]) -> bool:
        """Take in a template and what it names; whether it is there."""
        if name in chain:
            self.problems.append(Problem(referrer, line, f"template '{name}' includes or extends itself"))
            return True
        if name in self.texts:
            return True
        refusal = _refusal(name)
        path = None if refusal else self._path_of(name)
        if path is None:
            self.problems.append(Problem(referrer, line, refusal or f"there is no template '{name}'{self._hint(name)}"))
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
            self.problems.append(Problem(file, facts.syntax[0], f"broken Jinja: {facts.syntax[1]}"))
        for reference in facts.references:
            if reference.name is None:
                message = "another template's name must be written out, or its text can't be kept with the version"
                self.problems.append(Problem(file, reference.line, message))
            elif reference.required or self._path_of(reference.name):
                self._collect(reference.name, file, reference.line, (*chain, name))
        return True

    def _path_of(self, name: str) -> Path | None:
        if _refusal(name):
            return None
        home = self.project.sequences.resolve()
        for base in (self.folder, self.project.sequences):
            path = base / name
            if path.is_file() and path.resolve().is_relative_to(home):
                return path
        return None

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

    def _included(self, name: str) -> tuple[str, str] | None:
        return (self._files[name], self.texts[name]) if name in self.texts else None

    def _check_uses(self, reading: Reading) -> None:
        trigger = reading.data.get("trigger")
        event = trigger.get("event") if isinstance(trigger, dict) else None
        judge = _Judge(self.fields, has_event=isinstance(event, str) and event != LEAD_CREATED)
        every = {name: template_facts(text) for name, text in self.texts.items()}
        for name, facts in every.items():
            shared = frozenset().union(*(other.assigned for key, other in every.items() if key != name))
            for line, message, is_error in judge.verdicts(facts, shared):
                self.problems.append(Problem(self._files[name], line, message, "error" if is_error else "warning"))
        for key in ("subject", "preview_text"):
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


@dataclass(frozen=True)
class _Judge:
    """Which of the things that a template mentions a message of this sequence has."""

    fields: Collection[str] | None
    has_event: bool

    def verdicts(self, facts: TemplateFacts, shared: Collection[str]) -> list[tuple[int, str, bool]]:
        """(line, message, whether it is an error) of what a template mentions in vain.

        Args:
            facts: the template's.
            shared: names that other templates of the sequence set, which an include or a layout may see.
        """
        found: dict[str, tuple[int, str, bool]] = {}
        for kind, name, line in facts.unknown:
            known = template_environment().filters if kind == "filter" else template_environment().tests
            close = nearest(name, known)
            hint = f"; did you mean '{close}'?" if close else ""
            found.setdefault(f"|{name}", (line, f"unknown Jinja {kind} '{name}'{hint}", True))
        for use in sorted(facts.uses, key=lambda use: use.line):
            root = use.chain[0]
            if (
                root not in facts.undeclared
                or root in shared
                or root in template_environment().globals
                or root in _JINJA_NAMES
            ):
                continue
            if root in facts.assigned and root not in _ROOTS and use.guarded:
                continue
            verdict = self._verdict(use)
            if verdict:
                found.setdefault(verdict[0], (use.line, *verdict))
        return list(found.values())

    def _verdict(self, use: Use) -> tuple[str, bool] | None:
        root, attribute = use.chain[0], use.chain[1] if len(use.chain) > 1 else None
        if root not in _ROOTS:
            return None if use.guarded else (self._unknown_root(root), True)
        if attribute is None:
            return None
        if root == "lead":
            return self._lead_verdict(attribute, guarded=use.guarded)
        if use.guarded:
            return None
        if root == "event":
            return self._event_verdict(use.chain)
        known = _ATTRIBUTES.get(root)
        if known is None or attribute in known:
            return None
        return f"undefined variable '{root}.{attribute}'{_meant(root, attribute, known)}", True

    def _lead_verdict(self, attribute: str, *, guarded: bool) -> tuple[str, bool] | None:
        known = {*LEAD_COLUMNS, *(self.fields or ())}
        if self.fields is None:
            return None
        if attribute in known:
            if guarded or attribute in _SURE_COLUMNS:
                return None
            message = (
                f"lead.{attribute} may be blank, and then the message fails; write lead.{attribute} | default('…')"
            )
            return message, False
        close = nearest(attribute, known)
        if guarded:
            message = f"'lead.{attribute}' is no declared field; did you mean 'lead.{close}'?"
            return (message, False) if close else None
        declare = f"; declare a custom field under fields: in sequences/project.yml ({attribute}: text)"
        return f"undefined variable 'lead.{attribute}'{_meant('lead', attribute, known)}{declare}", True

    def _event_verdict(self, chain: tuple[str, ...]) -> tuple[str, bool] | None:
        name, known = chain[1], _EVENT if self.has_event else _BUILT_IN_EVENT
        if name not in known:
            why = (
                "" if self.has_event or name not in _EVENT else "; this sequence's trigger is no event with such values"
            )
            hint = why or _meant("event", name, known) or f"; an event's own values are under event.properties.{name}"
            return f"undefined variable 'event.{name}'{hint}", True
        if name == "properties" and len(chain) > 2 and not self.has_event:
            return f"undefined variable '{'.'.join(chain)}'; this sequence's trigger has no properties", True
        return None

    def _unknown_root(self, root: str) -> str:
        owner = next((name for name, known in self._owners() if root in known), None)
        if owner:
            return f"undefined variable '{root}'; did you mean '{owner}.{root}'?"
        close = nearest(root, _ROOTS)
        known = ", ".join(sorted(_ROOTS))
        return f"undefined variable '{root}'" + (f"; did you mean '{close}'?" if close else f"; known: {known}")

    def _owners(self) -> list[tuple[str, Collection[str]]]:
        attributes: Mapping[str, Collection[str]] = _ATTRIBUTES
        return [("lead", {*LEAD_COLUMNS, *(self.fields or ())}), ("event", _EVENT), *attributes.items()]


def _meant(root: str, attribute: str, known: Collection[str]) -> str:
    close = nearest(attribute, known)
    return f"; did you mean '{root}.{close}'?" if close else ""


def _refusal(name: str) -> str:
    """Why a template can't have that name; empty where it can."""
    plain = posixpath.normpath(name)
    if len(name) > _LONGEST_NAME:
        return f"template '{name[:30]}…' has a name longer than {_LONGEST_NAME} characters"
    if name.startswith(("/", "~")) or plain.startswith("..") or "\\" in name or "\0" in name:
        return f"template '{name}' lies outside of the sequence's folder: name a file in it, with / between folders"
    return f"template '{name}' must be written plainly: '{plain}'" if plain != name else ""
