"""What every page is given, and how it asks: the project, the published set, answers kept while the set is current.

Of a message that went out it asks the journal and landing files, too; the warehouse never.

Here belongs what pages share of data; what they share of looks is `parts` and `charts`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dagster_drips.collector.links.sent_message import SentMessage, sent_message
from dagster_drips.console.published import PublishedSet, published_set
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.status import Facts
from dagster_drips.project import Project
from dagster_drips.templating.rendering import RenderError
from dagster_drips.warehouse.statements import named_statements

_MOST_ANSWERS = 200
_MOST_MAILS = 20
_ERASURES = ("forgotten.jsonl", "forgetting.json")


@dataclass(frozen=True)
class Unshown:
    """Why a message can't be shown as it was sent; `is_unrenderable`: all is there, but its templates fail."""

    why: str
    is_unrenderable: bool


@dataclass(frozen=True)
class Console:
    """One look at a project.

    Args:
        project: whose files and published set.
        plan: the file of `drips plan --json` that the page Plan shows.
        can_edit: whether a sequence's file may be written.
        published: the set that is current at this look; None: nothing is published yet.
    """

    project: Project
    plan: Path
    can_edit: bool
    published: PublishedSet | None

    def ask(self, file: Path, name: str, **parameters: Any) -> pl.DataFrame:
        """The rows of a named statement of a page's .sql file; asked once a set and parameters.

        Raises:
            DripsError: the set can't be read.
        """
        assert self.published is not None, "a page asks nothing before something is published"
        return _answer(self.published.version, str(file), name, json.dumps(parameters), _set=self.published)

    def sent(self, message_id: str) -> SentMessage | Unshown:
        """A message as it was sent, by the journal and landing files, or why it can't be shown."""
        assert self.published is not None, "a page asks nothing before something is published"
        # Who was forgotten meanwhile is not shown, be it that nothing was published since.
        erased = tuple(_changed_at(self.project.journal / name) for name in _ERASURES)
        return _sent(self.published.version, str(self.project.root), erased, message_id)

    def facts(self) -> Facts:
        """What `drips status` tells of the published tick; empty where nothing is published."""
        return _facts(self.published.version, _set=self.published) if self.published else {}


def look(root: Path, *, plan: Path | None = None, can_edit: bool = False) -> Console:
    """The project as it is now; answers of a set that is no longer current are forgotten.

    Raises:
        DripsError: the folder holds no project.
    """
    project = Project.at(root)
    current = published_set(project)
    version = current.version if current else None
    if _last_seen().get(root) != version:
        _answer.clear()
        _facts.clear()
        _sent.clear()
        _last_seen()[root] = version
    return Console(project, plan or project.root / "plan.json", can_edit, current)


@st.cache_resource
def _last_seen() -> dict[Path, str | None]:
    return {}


@st.cache_data(max_entries=_MOST_ANSWERS, show_spinner=False)
def _answer(version: str, file: str, name: str, parameters: str, *, _set: PublishedSet) -> pl.DataFrame:
    given: Mapping[str, Any] = json.loads(parameters)
    return _set.frame(named_statements(Path(file))[name], given)


@st.cache_data(max_entries=_MOST_MAILS, show_spinner="Making it again …")
def _sent(version: str, root: str, erased: tuple[int, ...], message_id: str) -> SentMessage | Unshown:
    try:
        return sent_message(Project.at(root), message_id)
    except RenderError as error:
        return Unshown(str(error), is_unrenderable=True)
    except (DripsError, OSError, ValueError, pl.exceptions.PolarsError) as error:
        return Unshown(str(error), is_unrenderable=False)


def _changed_at(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


@st.cache_data(max_entries=2, show_spinner=False)
def _facts(version: str, *, _set: PublishedSet) -> Facts:
    return _set.facts()
