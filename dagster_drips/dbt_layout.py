"""Which models of a dbt project are ours to make: its own folders, or those that it names.

A project as `drips init` makes it has folders for them. A dbt project that was there before names its segments, and
content and intake where it has any, in `dbt_project.yml`; whatever else is in it is made by whoever runs it. What
belongs here is what the project says; which files there are is `sequences.segment_files`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from dagster_drips.errors import DripsError

_TAG = "tag:"
_SETTINGS = "dbt_project.yml"
_THIS = "package:this,"
_KEYS = ("segments", "content", "intake")
_FOLDERS = {"segments": "models/segments", "content": "models/content", "intake": "models/intake"}
_EXISTING = {"resource_type:seed": "package:drips,resource_type:seed", "source:*": "package:drips,source:*"}
"""Selections that mean the product's alone where the project is no project of ours."""


@dataclass(frozen=True)
class DbtLayout:
    """What a dbt project says of its own models.

    Args:
        segments: their folder below the project, or `tag:` and a tag.
        content: the folder of content models; None: it has none.
        intake: the folder of intake models; None: it has none.
        is_ours: it names none of them, so that folders have the names that `drips init` gives them, and models in
            `staging` and `marts` are made at each tick, too.
        model_paths: folders of models, by which dbt names what lies in them.
    """

    segments: str = _FOLDERS["segments"]
    content: str | None = _FOLDERS["content"]
    intake: str | None = _FOLDERS["intake"]
    is_ours: bool = True
    model_paths: tuple[str, ...] = ("models",)

    @property
    def tag(self) -> str | None:
        """The tag of segments; None where they have a folder."""
        return self.segments.removeprefix(_TAG) if self.segments.startswith(_TAG) else None

    def selection(self, selected: Sequence[str]) -> list[str]:
        """A selection that is written for a project of ours, as dbt is to be told it for this one."""
        return list(selected) if self.is_ours else [own for one in selected if (own := self._own(one))]

    def _own(self, selected: str) -> str | None:
        if selected == f"{_THIS}fqn:segments":
            return f"{_THIS}{self.segments}" if self.tag else f"{_THIS}fqn:{self._fqn(self.segments)}"
        if selected == f"{_THIS}fqn:content":
            return f"{_THIS}fqn:{self._fqn(self.content)}" if self.content else None
        return None if selected.startswith(_THIS) else _EXISTING.get(selected, selected)

    def segment_named(self, name: str) -> str:
        """Selects one segment."""
        return f"fqn:{name}" if self.tag else f"fqn:{self._fqn(self.segments)}.{name}"

    def intake_named(self, name: str) -> str:
        """Selects one intake model, and in a project of ours what it is made from, which nobody else makes."""
        return f"{'+' if self.is_ours else ''}fqn:{self._fqn(self.intake or _FOLDERS['intake'])}.{name}"

    def _fqn(self, folder: str) -> str:
        """How dbt names what lies in a folder: by its path below that of models."""
        for models in self.model_paths:
            if folder.startswith(f"{models}/"):
                return folder.removeprefix(f"{models}/").replace("/", ".")
        raise DripsError(
            f"vars: drips: {folder} lies in no folder of models ({', '.join(self.model_paths)})", file=_SETTINGS
        )

    def role_of(self, path: str, tags: Sequence[str], fqn: Sequence[str]) -> str:
        """What a model of the project's own is to us: `segments`, `content`, `intake`, or its folder below the models'.

        Args:
            path: of its file below the project.
            tags: dbt's.
            fqn: dbt's name of it.
        """
        if self.is_ours:
            return fqn[1] if len(fqn) > 2 else ""
        if self.tag in tags if self.tag else path.startswith(f"{self.segments}/"):
            return "segments"
        folders = {"content": self.content, "intake": self.intake}
        return next((role for role, folder in folders.items() if folder and path.startswith(f"{folder}/")), "others")


def layout_of(dbt: Path) -> DbtLayout:
    """What the dbt project in that folder says of its models.

    Raises:
        DripsError: it names a folder or a tag that can't be one.
    """
    try:
        text = (dbt / _SETTINGS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return DbtLayout()  # whoever runs dbt says what is wrong
    # Most projects name none, and are not to be read as YAML for that.
    return _layout(text, str(dbt / _SETTINGS)) if re.search(r"^vars\s*:", text, re.MULTILINE) else DbtLayout()


@lru_cache(maxsize=16)
def _layout(text: str, file: str) -> DbtLayout:
    import yaml

    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError:
        return DbtLayout()  # dbt says so
    ours = settings.get("vars") if isinstance(settings, Mapping) else None
    ours = ours.get("drips") if isinstance(ours, Mapping) else None
    if not isinstance(ours, Mapping) or not {*_KEYS} & {*ours}:
        return DbtLayout()
    paths = settings.get("model-paths")
    models = tuple(str(path).strip("/") for path in paths) if isinstance(paths, list) else ("models",)
    layout = DbtLayout(
        _place(ours, "segments", text, file) or _FOLDERS["segments"],
        _place(ours, "content", text, file),
        _place(ours, "intake", text, file),
        is_ours=False,
        model_paths=models,
    )
    for key, folder in (("content", layout.content), ("intake", layout.intake)):
        if folder and folder.startswith(_TAG):
            raise DripsError(f"vars: drips: {key}: give a folder; tags are for segments", file=file)
    layout.selection([f"{_THIS}fqn:segments", f"{_THIS}fqn:content"])
    if layout.intake:
        layout.intake_named("leads")
    return layout


def _place(ours: Mapping[str, Any], key: str, text: str, file: str) -> str | None:
    value = ours.get(key)
    if value is None:
        return None
    folder = PurePosixPath(str(value))
    is_tag = isinstance(value, str) and re.fullmatch(rf"{_TAG}[\w-]+", value)
    is_folder = isinstance(value, str) and not folder.is_absolute() and ".." not in folder.parts and ":" not in value
    if not (is_tag or is_folder):
        found = re.search(rf"^\s+{key}\s*:", text, re.MULTILINE)
        line = text.count("\n", 0, found.start()) + 1 if found else None
        raise DripsError(
            f"vars: drips: {key}: a folder below the dbt project (models/segments) or a tag (tag:segment)",
            file=file,
            line=line,
        )
    return str(value) if is_tag else folder.as_posix()
