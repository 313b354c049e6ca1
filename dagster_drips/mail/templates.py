"""Templates to texts: compile a step once, render it for each lead.

Here belong compiling, caching and rendering, and what a template gets to see. The environment's limits are in
`sandbox`, the bytes of a message in `message`. A template is other people's code: whatever goes wrong in it is a
`RenderError` of one message.
"""

from __future__ import annotations

import html as markup
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError

from dagster_drips.errors import DripsError
from dagster_drips.mail.links import Links
from dagster_drips.mail.plain_text import plain_text
from dagster_drips.mail.sandbox import Record, TemplateEnvironment, syntax_problem
from dagster_drips.warehouse.port import Warehouse

MAX_RENDERED = 1_000_000
"""Bytes of one rendered part (UTF-8)."""
MAX_SECONDS = 5.0
"""How long one part may take to render."""

_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_PREHEADER = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;'
    'overflow:hidden;mso-hide:all">'
    "{text}{padding}</div>"
)
# Keeps mail clients from filling the preview with the first words of the body.
_PADDING = "&zwnj;&nbsp;" * 60

_VERSION = "select definition, files from journal.sequence_versions where sequence_id = ? and version_id = ? limit 1"


class RenderError(Exception):
    """One message can't be rendered; the text says which part and why."""


@dataclass(frozen=True)
class RenderedMessage:
    """What a lead will read: a subject without line breaks, and both bodies."""

    subject: str
    html: str
    text: str


class StepTemplate:
    """One step's (and variant's) compiled templates; threads may share it."""

    def __init__(self, environment: TemplateEnvironment, sequence_name: str, content: Mapping[str, Any]):
        self.sequence_name = sequence_name
        self._environment = environment
        name = str(content["template"])
        self._subject = _compiled(environment, "subject", content.get("subject") or "")
        self._preview = _compiled(environment, "preview_text", content.get("preview_text") or "")
        self._html = _loaded(environment, name)
        text_name = re.sub(r"\.[^./]*$", "", name) + ".txt"
        self._text = _loaded(environment, text_name) if text_name in environment.list_templates() else None

    def render(self, context: Mapping[str, Any]) -> RenderedMessage:
        """The texts for one lead, from `message_context`.

        Raises:
            RenderError: an undefined value, a limit passed, or whatever else the template did wrong.
        """
        subject = _one_line(self._filled("subject", self._subject, context))
        if not subject:
            raise RenderError("subject: it is empty")
        preview = _one_line(self._filled("preview_text", self._preview, context))
        html = self._filled(self._html.name or "template", self._html, context)
        text = self._filled(self._text.name or "text", self._text, context) if self._text else plain_text(html)
        return RenderedMessage(subject, _with_preheader(html, preview), text)

    def _filled(self, part: str, template: Template, context: Mapping[str, Any]) -> str:
        pieces: list[str] = []
        size = 0
        self._environment.begin_rendering()
        deadline = time.monotonic() + MAX_SECONDS
        try:
            for piece in template.generate(context):
                size += len(piece) if piece.isascii() else len(piece.encode())
                if size > MAX_RENDERED:
                    raise RenderError(f"{part}: longer than {MAX_RENDERED} bytes")
                if time.monotonic() > deadline:
                    raise RenderError(f"{part}: took longer than {MAX_SECONDS:g} seconds")
                pieces.append(piece)
        except RenderError:
            raise
        except TemplateSyntaxError as error:
            raise RenderError(f"{error.name or part}: {syntax_problem(error)}") from error
        except TemplateNotFound as error:
            raise RenderError(f"{part}: there is no template {error.name!r}") from error
        except Exception as error:  # whatever an expression in a template may raise
            raise RenderError(f"{part}: {_one_line(str(error)) or type(error).__name__}") from error
        return "".join(pieces)


class TemplateCache:
    """The compiled steps of every sequence version that is being sent, read from the journal once each."""

    def __init__(self, warehouse: Warehouse):
        self._warehouse = warehouse
        self._versions: dict[tuple[str, str], tuple[dict[str, Any], TemplateEnvironment]] = {}
        self._steps: dict[tuple[str, str, str, str | None], StepTemplate | RenderError] = {}

    def step(self, sequence_id: str, version_id: str, step_id: str, variant_id: str | None) -> StepTemplate:
        """The compiled step; not to be called by several threads at once.

        Raises:
            RenderError: its templates don't compile; remembered, so it costs once.
            DripsError: the journal has no such version.
        """
        key = (sequence_id, version_id, step_id, variant_id)
        if key not in self._steps:
            definition, environment = self._version(sequence_id, version_id)
            try:
                self._steps[key] = _step_template(definition, environment, step_id, variant_id)
            except RenderError as error:
                self._steps[key] = error
        found = self._steps[key]
        if isinstance(found, RenderError):
            raise found
        return found

    def _version(self, sequence_id: str, version_id: str) -> tuple[dict[str, Any], TemplateEnvironment]:
        key = (sequence_id, version_id)
        if key not in self._versions:
            rows = self._warehouse.rows(_VERSION, list(key))
            if not rows:
                raise DripsError(
                    f"sequence {sequence_id}: the journal has no version {version_id}; nothing of it was sent"
                )
            self._versions[key] = (json.loads(rows[0]["definition"]), TemplateEnvironment(json.loads(rows[0]["files"])))
        return self._versions[key]


def compile_step(
    definition: Mapping[str, Any], files: Mapping[str, str], step_id: str, variant_id: str | None
) -> StepTemplate:
    """One step compiled from a sequence's definition (the contract's YAML as a dict) and its files.

    Raises:
        RenderError: there is no such step or template, or it doesn't compile.
    """
    return _step_template(definition, TemplateEnvironment(files), step_id, variant_id)


def message_context(
    due: Mapping[str, Any],
    *,
    lead: Mapping[str, Any],
    event: Mapping[str, Any] | None,
    sequence_name: str,
    links: Links,
) -> dict[str, Any]:
    """What a template sees, as the contract lists it. NULL is undefined, so that `default` covers it.

    Args:
        due: a row of `decide.due_steps`.
        lead: the lead's columns, custom fields included; names that start with `_` are ours and stay out.
        event: the triggering row of `raw.events`; None for the built-in triggers.
        sequence_name: the sequence's name for people.
        links: the message's own links.
    """
    return {
        "lead": Record("lead", _public(lead)),
        "event": _event_record(event, due["trigger_kind"], due["triggered_at"]),
        "sequence": Record("sequence", {"id": due["sequence_id"], "name": sequence_name}),
        "step": Record("step", {"id": due["step_id"], "variant": due["variant_id"]}),
        "sender": Record(
            "sender", {"name": due["sender_name"], "email": due["sender_email"], "reply_to": due["sender_reply_to"]}
        ),
        "unsubscribe_url": links.unsubscribe_url,
        "preferences_url": links.preferences_url,
        "view_url": links.view_url,
    }


def _event_record(event: Mapping[str, Any] | None, trigger_kind: str, triggered_at: datetime) -> Record:
    if event is None:
        properties = Record("event.properties", {})
        return Record("event", {"event": trigger_kind, "occurred_at": triggered_at, "properties": properties})
    properties = json.loads(event.get("properties") or "{}")
    return Record("event", {**_public(event), "properties": Record("event.properties", _without_nulls(properties))})


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _step_template(
    definition: Mapping[str, Any], environment: TemplateEnvironment, step_id: str, variant_id: str | None
) -> StepTemplate:
    step = next((step for step in definition["steps"] if step["id"] == step_id), None)
    if step is None:
        raise RenderError(f"this version has no step {step_id}")
    content = dict(step)
    if variant_id is not None:
        variant = next((variant for variant in step.get("variants") or () if variant["id"] == variant_id), None)
        if variant is None:
            raise RenderError(f"step {step_id} has no variant {variant_id}")
        content.update({name: value for name, value in variant.items() if value is not None})
    if not content.get("template"):
        raise RenderError(f"step {step_id} has no template")
    return StepTemplate(environment, definition.get("name") or "", content)


def _compiled(environment: TemplateEnvironment, part: str, source: str) -> Template:
    try:
        return environment.from_string(source)
    except TemplateSyntaxError as error:
        raise RenderError(f"{part}: {syntax_problem(error)}") from error


def _loaded(environment: TemplateEnvironment, name: str) -> Template:
    try:
        return environment.get_template(name)
    except TemplateNotFound as error:
        raise RenderError(f"there is no template {error.name!r}") from error
    except TemplateSyntaxError as error:
        raise RenderError(f"{error.name or name}: {syntax_problem(error)}") from error


def _one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _with_preheader(html: str, preview: str) -> str:
    if not preview:
        return html
    block = _PREHEADER.format(text=markup.escape(preview), padding=_PADDING)
    found = _BODY.search(html)
    return html[: found.end()] + block + html[found.end() :] if found else block + html
