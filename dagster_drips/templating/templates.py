"""Templates to texts: compile a step once, render it for each lead.

Here belong a step's templates, keeping them, what their renderings share, and what a template gets to see. Rendering
itself is in `rendering`, the environment in `sandbox`, the bytes of a message in `message`. A template is other
people's code: whatever goes wrong in it is a `RenderError` of one message.
"""

from __future__ import annotations

import html as markup
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Template

from dagster_drips.blob_store import FileFacts
from dagster_drips.links.message_links import LinkMaker, Links
from dagster_drips.message.content import Attachment, RenderedMessage
from dagster_drips.message.precompiled_body import PrecompiledBody, Text, placeholder
from dagster_drips.templating.html_document import deciding_placeholders, with_pixel, with_preview, with_tracked_links
from dagster_drips.templating.html_images import CONTENT_ID, with_content_ids
from dagster_drips.templating.inlined_styles import with_inlined_styles
from dagster_drips.templating.personal_links import PersonalLink, is_web, led
from dagster_drips.templating.plain_text import plain_text
from dagster_drips.templating.render_cache import RenderCache
from dagster_drips.templating.rendering import RenderError, cause_of, compiled, is_failure, loaded, one_line, pieces_of
from dagster_drips.templating.sandbox import TemplateEnvironment
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

MAX_LINE = 10_000
"""Characters of a subject or preview text."""

_SPACES = re.compile(r"[\s\u00a0]+")

_STATEMENTS = named_statements(Path(__file__).with_name("templates.sql"))


@dataclass(frozen=True)
class _Html:
    """What the HTML messages that took the same path through a template share.

    Its placeholders: the template's values, then the preview text, what stands before tracked addresses, the pixel's
    address, then whatever `links` lead to.
    """

    body: PrecompiledBody
    text: PrecompiledBody
    links: tuple[PersonalLink, ...]
    images: tuple[Attachment, ...]


class StepTemplate:
    """One step's (and variant's) compiled templates; for one thread at a time.

    Args:
        environment: the version's.
        sequence_name: for people.
        content: the step's keys, a variant's laid over them.
        links: leads links elsewhere where they are tracked.
        attached_files: those of the version, by name; HTML refers to images among them by `cid:` already.
    """

    def __init__(
        self,
        environment: TemplateEnvironment,
        sequence_name: str,
        content: Mapping[str, Any],
        links: LinkMaker,
        attached_files: Mapping[str, FileFacts],
    ):
        self.sequence_name = sequence_name
        self.tracked = content.get("tracking") is not False
        self.confirms = content.get("confirmation") is True
        self._images = {facts.content_id: Attachment(name, facts, shown=True) for name, facts in attached_files.items()}
        self._attachments = tuple(_attachment(name, attached_files) for name in content.get("attachments") or ())
        self._environment = environment
        self._links = links
        name = str(content["template"])
        self._subject = compiled(environment, "subject", content.get("subject") or "")
        preview = content.get("preview_text")
        self._preview = compiled(environment, "preview_text", preview) if preview else None
        self._html = loaded(environment, name)
        text_name = re.sub(r"\.[^./]*$", "", name) + ".txt"
        self._text = loaded(environment, text_name) if text_name in environment.list_templates() else None
        self._html_caches = {
            (preview, tracked): RenderCache(
                partial(self._prepared, preview=preview, tracked=tracked), deciding_placeholders
            )
            for preview in (False, True)
            for tracked in (False, True)
        }
        self._text_cache = RenderCache(lambda document, _: PrecompiledBody(document))

    def render(self, context: Mapping[str, Any], links: Links) -> RenderedMessage:
        """The texts for one lead, from `message_context`.

        Raises:
            RenderError: an undefined value, a limit passed, or whatever else the template did wrong.
        """
        subject = self._line("subject", self._subject, context)
        if not subject:
            raise RenderError("subject: it is empty")
        preview = self.preview_text(context)
        pieces = pieces_of(self._environment, self._html.name or "template", self._html, context)
        cache = self._html_caches[bool(preview), links.clicks is not None]
        html, values = cache.of(pieces, self._environment.constants)
        placeholders = [*values, markup.escape(preview), links.clicks or "", links.opens or ""]
        placeholders += led(html.links, values, links, self._links)
        if self._text is None:
            # The same value stands in many places.
            shown = {value: _spaced(markup.unescape(value)) for value in {*values}}
            text = Text(html.text, [shown[value] for value in values])
        else:
            pieces = pieces_of(self._environment, self._text.name or "text", self._text, context)
            text = Text(*self._text_cache.of(pieces, self._environment.constants))
        return RenderedMessage(subject, Text(html.body, placeholders), text, (*html.images, *self._attachments))

    def preview_text(self, context: Mapping[str, Any]) -> str:
        """What an inbox shows behind the subject; empty where the step has none.

        Raises:
            RenderError: as `render` does.
        """
        return self._line("preview_text", self._preview, context) if self._preview else ""

    def _prepared(self, document: str, count: int, *, preview: bool, tracked: bool) -> _Html:
        changed = with_inlined_styles(document)
        # Behind it: what a rule hides isn't there for readers of the text either.
        text = PrecompiledBody(plain_text(changed))
        held: list[PersonalLink] = []
        if tracked:

            def lead(address: str) -> str | None:
                return placeholder(count + 1) + self._links.url_token(address) if is_web(address) else None

            def personal(source: str) -> str:
                held.append(PersonalLink(source))
                return placeholder(count + 2 + len(held))

            changed = with_pixel(with_tracked_links(changed, lead, personal), count + 2)
        if preview:
            changed = with_preview(changed, count)
        shown = dict.fromkeys(CONTENT_ID.findall(document)) if self._images else ()
        images = tuple(self._images[content_id] for content_id in shown if content_id in self._images)
        return _Html(PrecompiledBody(changed), text, tuple(held), images)

    def _line(self, part: str, template: Template, context: Mapping[str, Any]) -> str:
        line = one_line("".join(pieces_of(self._environment, part, template, context)))
        if len(line) > MAX_LINE:
            raise RenderError(f"{part}: longer than {MAX_LINE} characters")
        return line


@dataclass(frozen=True)
class _Version:
    """What the steps of a sequence version share."""

    definition: Mapping[str, Any]
    environment: TemplateEnvironment
    attached_files: Mapping[str, FileFacts]

    @classmethod
    def of(
        cls,
        definition: Mapping[str, Any],
        files: Mapping[str, str],
        attached_files: Mapping[str, FileFacts],
        timezone: str = "UTC",
    ) -> _Version:
        """With images' names replaced by what messages call them."""
        if attached_files:
            content_ids = {name: facts.content_id for name, facts in attached_files.items()}
            files = {
                name: text if name.endswith(".txt") else with_content_ids(text, content_ids)
                for name, text in files.items()
            }
        return cls(definition, TemplateEnvironment(files, timezone), attached_files)


class TemplateCache:
    """The compiled steps of every sequence version that is being sent, read from the journal once each."""

    def __init__(self, warehouse: Warehouse, links: LinkMaker):
        self._warehouse = warehouse
        self._links = links
        self._versions: dict[tuple[str, str | None], _Version] = {}
        self._steps: dict[tuple[str, str | None, str, str | None], StepTemplate | str] = {}

    def step(self, sequence_id: str, version_id: str | None, step_id: str, variant_id: str | None) -> StepTemplate:
        """The compiled step; not to be called by several threads at once.

        Raises:
            RenderError: its templates can't be made ready, whatever the reason; remembered, so it costs once.
        """
        key = (sequence_id, version_id, step_id, variant_id)
        found = self._steps.get(key)
        if found is None:
            # What the warehouse itself says is no message's fault.
            rows = self._warehouse.rows(_STATEMENTS["version"], [sequence_id, version_id])
            try:
                version = self._version(sequence_id, version_id, rows)
                found = _step_template(version, step_id, variant_id, self._links)
            except RenderError as error:
                found = str(error)
            except BaseException as error:
                if not is_failure(error):
                    raise
                found = cause_of(error)
            self._steps[key] = found
        if isinstance(found, str):
            # A new one each time: an error that is raised again and again keeps a trace of each.
            raise RenderError(found)
        return found

    def _version(self, sequence_id: str, version_id: str | None, rows: list[dict[str, Any]]) -> _Version:
        key = (sequence_id, version_id)
        if key not in self._versions:
            if not rows:
                raise RenderError(f"the journal has no version {version_id} of sequence {sequence_id}")
            attached = json.loads(rows[0]["attached_files"] or "{}")
            self._versions[key] = _Version.of(
                json.loads(rows[0]["definition"]),
                json.loads(rows[0]["files"]),
                {name: FileFacts(**facts) for name, facts in attached.items()},
                self._warehouse.value(_STATEMENTS["timezone"]) or "UTC",
            )
        return self._versions[key]


def compile_step(
    definition: Mapping[str, Any],
    files: Mapping[str, str],
    step_id: str,
    variant_id: str | None,
    links: LinkMaker | None = None,
    attached_files: Mapping[str, FileFacts] | None = None,
) -> StepTemplate:
    """One step compiled from a sequence's definition (the contract's YAML as a dict) and its files.

    Args:
        definition: with its steps.
        files: template name → text.
        step_id: which.
        variant_id: which of its variants; None: it has none.
        links: as messages get them; None: nothing is tracked.
        attached_files: attachments and images by name.

    Raises:
        RenderError: there is no such step or template, or it doesn't compile.
    """
    version = _Version.of(definition, files, attached_files or {})
    return _step_template(version, step_id, variant_id, links or LinkMaker())


def _step_template(version: _Version, step_id: str, variant_id: str | None, links: LinkMaker) -> StepTemplate:
    definition = version.definition
    step = next((step for step in definition["steps"] if step["id"] == step_id), None)
    if step is None:
        raise RenderError(f"this version has no step {step_id}")
    content = {**step, "confirmation": definition.get("confirmation")}
    if variant_id is not None:
        variant = next((variant for variant in step.get("variants") or () if variant["id"] == variant_id), None)
        if variant is None:
            raise RenderError(f"step {step_id} has no variant {variant_id}")
        content.update({name: value for name, value in variant.items() if value is not None})
    content.setdefault("tracking", definition.get("tracking"))
    if not content.get("template"):
        raise RenderError(f"step {step_id} has no template")
    return StepTemplate(version.environment, definition.get("name") or "", content, links, version.attached_files)


def _attachment(name: str, attached_files: Mapping[str, FileFacts]) -> Attachment:
    if name not in attached_files:
        raise RenderError(f"this version has no file '{name}'")
    return Attachment(name, attached_files[name], shown=False)


def _spaced(text: str) -> str:
    """A value as HTML shows it: any white space is one space."""
    return _SPACES.sub(" ", text)
