"""The attachments and images of a sequence: which files they are, and whether mail can carry them.

Attachments are listed in `sequence.yml`; images are what `src` and `background` of its templates name
(`templating.html_images`). Keeping their bytes is in `blob_store`, sending them in `message.attachments`.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster_drips.blob_store import FileFacts
from dagster_drips.project import Project
from dagster_drips.sequences.checks import texts_at
from dagster_drips.sequences.places import path_of, refusal
from dagster_drips.sequences.problems import Problem, nearest
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.templates import TemplateFolder
from dagster_drips.sequences.yaml_source import Path as Place
from dagster_drips.templating.html_images import lost_images, named_images

MAX_FILE = 5_000_000
"""Bytes of one file. Who wants to send more does better with a link: every lead gets a copy of it."""
MAX_MAIL = 10_000_000
"""Bytes of all files of one mail. Base64 makes 13.7 MB of them; servers refuse mails of more than 20 to 25 MB, many of
more than 15."""

_IMAGE_STARTS = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF87a", b"GIF89a"),
    ".webp": (b"RIFF",),
    ".svg": (),
}
# What this machine's own files say of types must not change what is sent.
_TYPES = mimetypes.MimeTypes()
_MORE_TYPES = {".webp": "image/webp", ".ics": "text/calendar", ".md": "text/markdown"}


@dataclass(frozen=True)
class AttachedFile:
    """A file as it lies in the project, and what a version keeps of it."""

    path: Path
    facts: FileFacts
    start: bytes
    """Its first few bytes."""


@dataclass
class FileFolder:
    """The attachments and images of one sequence, read as far as they are needed.

    Args:
        project: whose `sequences/` holds what several sequences share.
        folder: the sequence's own.
    """

    project: Project
    folder: Path
    found: dict[str, AttachedFile] = field(default_factory=dict)
    """Name as the sequence uses it → file."""
    problems: list[Problem] = field(default_factory=list)
    _faults: dict[str, str] = field(default_factory=dict)

    def read(self, reading: Reading, templates: TemplateFolder) -> None:
        """Collect what the steps attach and what their templates show, and note every mistake in it.

        Args:
            reading: of the `sequence.yml`.
            templates: read already.
        """
        for pattern in ("steps.*.attachments", "steps.*.variants.*.attachments"):
            lists: dict[Place, list[str]] = {}
            for path, name in texts_at(reading.data, pattern):
                earlier = lists.setdefault(path[: path.index("attachments")], [])
                if name in earlier:
                    reading.error(path, f"'{name}' is attached twice to the same mail: remove one")
                elif self._take("attachment", name, reading.file, reading.line_of(path)):
                    self._warn_of_name(reading, path, name, earlier)
                earlier.append(name)
        shown: dict[str, list[str]] = {}
        for path, template, attachments in _mails(reading.data):
            if template not in shown:
                shown[template] = list(self._shown(templates, template))
            names = dict.fromkeys(name for name in (*attachments, *shown[template]) if name in self.found)
            size = sum(self.found[name].facts.size for name in names)
            if size > MAX_MAIL:
                limit = f"{_megabytes(MAX_MAIL)} at most, or many servers refuse it; link to the large ones instead"
                reading.error(path, f"the {len(names)} files of this mail have {_megabytes(size)}: {limit}")

    def _shown(self, templates: TemplateFolder, template: str) -> Iterator[str]:
        """The images that a template and all that it names show."""
        for file, text in templates.with_all_it_names(template):
            for image in named_images(text):
                if self._take("image", image.name, file, image.line) and self._is_image(image.name, file, image.line):
                    yield image.name
            for line, name in lost_images(text):
                message = f"'{name}' is not sent: mail shows files by src and background; write its whole https address"
                self.problems.append(Problem(file, line, message, "warning"))

    def _take(self, kind: str, name: str, referrer: str, line: int) -> bool:
        """Find a file and read it; whether it can be sent."""
        if name not in self.found and name not in self._faults:
            fault = self._read(kind, name)
            if fault:
                self._faults[name] = fault
        if name in self._faults:
            self.problems.append(Problem(referrer, line, self._faults[name]))
        return name in self.found

    def _read(self, kind: str, name: str) -> str:
        """Take a file in; empty, or what is wrong with it."""
        path = path_of(self.project, self.folder, name)
        if path is None:
            return refusal(kind, name) or f"there is no file '{name}'{self._hint(name)}"
        try:
            size = path.stat().st_size
            if size > MAX_FILE:
                return f"'{name}' has {_megabytes(size)}: a file may have {_megabytes(MAX_FILE)}; link to it instead"
            content = path.read_bytes()
        except OSError as error:
            return f"'{name}' can't be read: {error.strerror}"
        if not content:
            return f"'{name}' is empty"
        digest = hashlib.sha256(content).hexdigest()
        facts = FileFacts(digest, len(content), _content_type(path, content))
        self.found[name] = AttachedFile(path, facts, content[:16])
        return ""

    def _is_image(self, name: str, referrer: str, line: int) -> bool:
        file = self.found[name]
        suffix = file.path.suffix.lower()
        starts = _IMAGE_STARTS.get(suffix)
        if starts is None:
            known = ", ".join(_IMAGE_STARTS)
            self.problems.append(
                Problem(referrer, line, f"'{name}' is no image that mail can show: use one of {known}")
            )
            return False
        if suffix == ".svg":
            message = f"'{name}': most mail readers don't show SVG images; use a PNG"
            self.problems.append(Problem(referrer, line, message, "warning"))
        elif not file.start.startswith(starts) or (suffix == ".webp" and file.start[8:12] != b"WEBP"):
            self.problems.append(Problem(referrer, line, f"'{name}' holds something else than its name says"))
            return False
        return True

    def _warn_of_name(self, reading: Reading, path: Place, name: str, earlier: Collection[str]) -> None:
        own = name.rpartition("/")[2]
        if own in {other.rpartition("/")[2] for other in earlier}:
            reading.warning(path, f"two attachments of this mail are called '{own}': readers show no folders")

    def _hint(self, name: str) -> str:
        own = [path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file()]
        shared = [
            path.relative_to(self.project.sequences)
            for folder in self.project.sequences.glob("_*")
            for path in folder.rglob("*")
            if path.is_file()
        ]
        close = nearest(name, [path.as_posix() for path in (*own, *shared)])
        place = (self.folder / name).relative_to(self.project.root).as_posix()
        return f"; did you mean '{close}'?" if close else f": put it at {place}"


def _mails(data: Any) -> Iterator[tuple[Place, str, list[str]]]:
    """(place, template, attachments) of each mail that the steps can send, as far as they are written right."""
    steps = data.get("steps") if isinstance(data, dict) else None
    for number, step in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(step, dict):
            continue
        place: Place = ("steps", number)
        variants = step.get("variants")
        if not isinstance(variants, list):
            yield from _mail(place, step, step)
        for other, variant in enumerate(variants if isinstance(variants, list) else ()):
            if isinstance(variant, dict):
                yield from _mail((*place, "variants", other), variant, step)


def _mail(place: Place, content: dict[str, Any], step: dict[str, Any]) -> Iterator[tuple[Place, str, list[str]]]:
    owner = content if content.get("attachments") is not None else step
    template = content.get("template")
    if isinstance(template, str):
        yield place, template, [name for _, name in texts_at(owner, "attachments")]


def _content_type(path: Path, content: bytes) -> str:
    suffix = path.suffix.lower()
    found, encoding = _TYPES.guess_type(f"file{suffix}")
    kind = _MORE_TYPES.get(suffix) or found
    if encoding or kind is None or kind.startswith(("message/", "multipart/")):
        # Those may not be in base64 (RFC 2046 5.2.1).
        return "application/gzip" if encoding == "gzip" else "application/octet-stream"
    if kind.startswith("text/"):
        try:
            content.decode()
        except UnicodeDecodeError:
            return "application/octet-stream"
        return f"{kind}; charset=utf-8"
    return kind


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.3g} MB"
