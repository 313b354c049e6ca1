"""Every mail that a sequence's working files can send, rendered for one reader, and what is odd about each.

What belongs here: whom it is rendered for, and rendering. What does not: pages (`pages`) and pictures (`pictures`).
Nothing is sent, tracked or written into the project; templates are the same as when a mail is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.links.message_links import LinkMaker, Links
from dagster_drips.message.content import RenderedMessage
from dagster_drips.preview.content import ReadersContent, content_for
from dagster_drips.project import Project
from dagster_drips.sequences.attached_files import AttachedFile
from dagster_drips.sequences.catalog import Catalog, SequenceSource, read_catalog
from dagster_drips.sequences.problems import suggestion
from dagster_drips.sequences.schema import Sender, Step, Variant
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.step_content import columns_used, content_of_step, texts_of_step
from dagster_drips.sequences.template_facts import template_facts
from dagster_drips.sequences.tests_file import given_events
from dagster_drips.templating.context import MessageFacts, message_context
from dagster_drips.templating.html_images import with_images_as_data
from dagster_drips.templating.html_tokens import address_of_link, start_tags, tokens
from dagster_drips.templating.rendering import RenderError
from dagster_drips.templating.templates import compile_step
from dagster_drips.warehouse import has_warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.statements import named_statements

GMAIL_CLIPS_AT = 102 * 1024
"""Bytes of HTML beyond which Gmail shows the rest of a mail only on demand."""
_STATEMENTS = named_statements(Path(__file__).with_name("reader.sql"))
MADE_UP = {
    "lead_id": "L-1",
    "email": "ada@example.org",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "company": "Example Ltd",
    "country": "DE",
    "locale": "en",
    "timezone": "Europe/Berlin",
}


@dataclass(frozen=True)
class Reader:
    """Whom mails are rendered for; `lead_id` None: somebody made up.

    `project` is where the event that brought the reader and content models' rows are looked up: the event unless
    `event` says what it is, neither where not `reads_warehouse`.
    """

    lead: dict[str, Any]
    lead_id: str | None
    project: Project
    event: dict[str, Any] | None = None
    reads_warehouse: bool = True

    @property
    def told(self) -> str:
        """Who it is, in words."""
        if self.lead_id is not None:
            return f"lead {self.lead_id}"
        nobody = "" if has_warehouse(self.project) else ", as there is no data yet"
        return f"a reader who is made up{nobody}"


@dataclass(frozen=True)
class PreviewedMail:
    """One step, or one variant of it, as its reader would see it.

    Args:
        sequence_id: of the sequence.
        step_id: of the step.
        variant_id: of the variant; None: the step has none.
        subject: as rendered; empty where the mail can't be made.
        preview_text: what an inbox shows behind the subject.
        html: with images as data, for a browser.
        text: the plain part.
        size: bytes of the HTML as it is sent.
        links: where its links lead, in order, each once.
        missing: fields of the lead, and columns of content models, that its templates name and this reader lacks.
        made_up_content: content models whose rows are those of the sequence's `tests.yml`.
        error: why it can't be made; empty where it can.
    """

    sequence_id: str
    step_id: str
    variant_id: str | None
    subject: str = ""
    preview_text: str = ""
    html: str = ""
    text: str = ""
    size: int = 0
    links: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    made_up_content: tuple[str, ...] = ()
    error: str = ""

    @property
    def name(self) -> str:
        """What files of it are called: `hello`, `hello-short`."""
        return f"{self.step_id}-{self.variant_id}" if self.variant_id else self.step_id

    @property
    def is_clipped(self) -> bool:
        """Whether Gmail would show its beginning only."""
        return self.size > GMAIL_CLIPS_AT


def reader_of(project: Project, lead: str | None) -> Reader:
    """A lead by id or address as the last tick staged it, or somebody made up where None.

    Raises:
        DripsError: there is no warehouse, or no such lead in it.
    """
    if lead is None:
        return Reader(dict(MADE_UP), None, project)
    if not has_warehouse(project):
        raise DripsError("there is no warehouse to take a lead from; make it with `drips run`", file=project.warehouse)
    with open_warehouse(warehouse_of(project), read_only=True) as warehouse:
        rows = warehouse.rows(_STATEMENTS["lead"], {"lead": lead}) if warehouse.columns("staging.stg_leads") else []
    if not rows:
        raise DripsError(f"there is no lead '{lead}', by lead_id or address")
    return Reader(rows[0], rows[0]["lead_id"], project)


def previewed(project: Project, sequence_id: str | None, reader: Reader) -> list[PreviewedMail]:
    """The mails of one sequence, or of all, in the order of their files.

    Raises:
        DripsError: there is no such sequence, or its files have mistakes.
    """
    catalog = read_catalog(project, segments=segment_names(project))
    if sequence_id is not None:
        source_of(catalog, sequence_id)
    mails: list[PreviewedMail] = []
    for name in [sequence_id] if sequence_id is not None else sorted(catalog.sources):
        event = event_of(catalog.sources[name], reader)
        for step in catalog.sources[name].sequence.steps:
            mails += [
                previewed_mail(catalog, name, step, variant, reader, event) for variant in step.variants or [None]
            ]
    return mails


def previewed_mail(
    catalog: Catalog,
    sequence_id: str,
    step: Step,
    variant: Variant | None,
    reader: Reader,
    event: dict[str, Any] | None,
) -> PreviewedMail:
    """One mail of a valid sequence.

    Args:
        catalog: of the working files.
        sequence_id: one of its sources.
        step: of that sequence.
        variant: of that step; None where it has none.
        reader: whom it is for.
        event: what brought the reader (`event_of`).
    """
    source = catalog.sources[sequence_id]
    images = {file.facts.content_id: file for file in catalog.written[sequence_id].attached_files.values()}
    return _mail(source, step, variant, reader, event, images)


def source_of(catalog: Catalog, sequence_id: str) -> SequenceSource:
    """A sequence of the files.

    Raises:
        DripsError: there is no such sequence, or its files have mistakes.
    """
    if sequence_id not in catalog.sources:
        wrong = [one for one in catalog.errors if one.file.startswith(f"sequences/{sequence_id}/")]
        if wrong:
            raise DripsError(wrong[0].message, file=wrong[0].file, line=wrong[0].line)
        raise DripsError(f"there is no sequence '{sequence_id}'{suggestion(sequence_id, catalog.sources)}")
    return catalog.sources[sequence_id]


def _mail(
    source: SequenceSource,
    step: Step,
    variant: Variant | None,
    reader: Reader,
    event: dict[str, Any] | None,
    images: Mapping[str, AttachedFile],
) -> PreviewedMail:
    variant_id = variant.id if variant else None
    content = readers_content(source, step, reader, event)
    missing = _missing(source, step, variant, reader)
    if content is not None:
        missing += content.lacking(content_of_step(step, source.files), columns_used(step, source.files))
    made_up = content.made_up if content is not None else ()
    mail = PreviewedMail(source.sequence_id, step.id, variant_id, missing=missing, made_up_content=made_up)
    try:
        rendered, preview_text, _ = rendered_step(source, step, variant_id, reader, event, content)
    except RenderError as error:
        return replace(mail, error=str(error))
    html = str(rendered.html)
    return replace(
        mail,
        subject=rendered.subject,
        preview_text=preview_text,
        html=with_images_as_data(html, _images(images)),
        text=str(rendered.text),
        size=len(html.encode()),
        links=_links(html),
    )


def readers_content(
    source: SequenceSource, step: Step, reader: Reader, event: dict[str, Any] | None
) -> ReadersContent | None:
    """What content models say of a reader; None where the step's templates name none."""
    return content_for(
        reader.project,
        source.sequence_id,
        step,
        source.files,
        lead_id=reader.lead_id,
        event=event,
        reads_warehouse=reader.reads_warehouse,
    )


def rendered_step(
    source: SequenceSource,
    step: Step,
    variant_id: str | None,
    reader: Reader,
    event: dict[str, Any] | None,
    content: ReadersContent | None,
) -> tuple[RenderedMessage, str, Links]:
    """A step's mail for a reader, its preview text, and its links, which are by mail alone.

    Args:
        source: the sequence.
        step: of it.
        variant_id: of the step's, where it has variants.
        reader: whom it is for.
        event: what brought the reader (`event_of`).
        content: of `readers_content`.

    Raises:
        RenderError: a template can't be rendered for this reader.
    """
    sequence = source.sequence
    sender = sender_of(source)
    facts = MessageFacts(
        sequence_id=source.sequence_id,
        step_id=step.id,
        variant_id=variant_id,
        sender_name=sender.name,
        sender_email=sender.email,
        sender_reply_to=sender.reply_to,
        trigger_kind=sequence.trigger.kind,
        triggered_at=event["occurred_at"] if event else utc_now(),
    )
    links = LinkMaker().of_message("0" * 32, replies_to=sender.reply_to or sender.email)
    definition = json.loads(source.definition)
    template = compile_step(definition, source.files, step.id, variant_id, attached_files=source.attached_files)
    context = message_context(
        facts,
        lead=reader.lead,
        event=event,
        sequence_name=sequence.name,
        links=links,
        content=content.record if content is not None else None,
    )
    return template.render(context, links), template.preview_text(context), links


def sender_of(source: SequenceSource) -> Sender:
    """Whom a sequence's mail is from."""
    sender = source.sequence.sender
    assert isinstance(sender, Sender), "the catalog resolves identities"
    return sender


def event_of(source: SequenceSource, reader: Reader) -> dict[str, Any] | None:
    """What brought the reader: the lead's latest event of that name, anybody's, or one that is made up.

    One that is made up is as the sequence's tests have it, where they have one.
    """
    trigger, project = source.sequence.trigger, reader.project
    if trigger.kind != "event":
        return None
    if reader.event is not None:
        return reader.event
    name = trigger.event or ""
    found: list[dict[str, Any]] = []
    if reader.reads_warehouse and has_warehouse(project):
        with open_warehouse(warehouse_of(project), read_only=True) as warehouse:
            if reader.lead_id is not None:
                found = warehouse.rows(_STATEMENTS["event_of_lead"], {"event": name, "lead": reader.lead_id})
            found = found or warehouse.rows(_STATEMENTS["event"], {"event": name})
    return found[0] if found else made_up_event(project, source)


def made_up_event(project: Project, source: SequenceSource) -> dict[str, Any]:
    """An event of the sequence's trigger: the first in `tests.yml` that has properties or a value, else a bare one."""
    name = source.sequence.trigger.event or ""
    event = {"event_id": "e-1", "event": name, "occurred_at": utc_now(), "properties": "{}"}
    for given in given_events(project, source.sequence_id):
        if given.event == name and (given.properties or given.value is not None):
            properties = json.dumps(given.properties, default=str)
            return event | {"properties": properties, "value": given.value, "currency": given.currency}
    return event


def fields_named(source: SequenceSource, step: Step, variant: Variant | None) -> list[str]:
    """The fields of a lead that a mail's templates name, and whatever they include, sorted."""
    shown = step if variant is None else step.model_copy(update={"variants": [variant]})
    uses = [use.chain for text in texts_of_step(shown, source.files) for use in template_facts(text).uses]
    return sorted({chain[1] for chain in uses if chain[0] == "lead" and len(chain) > 1})


def _missing(source: SequenceSource, step: Step, variant: Variant | None, reader: Reader) -> list[str]:
    return [name for name in fields_named(source, step, variant) if _lacks(reader, name)]


def _lacks(reader: Reader, name: str) -> bool:
    return reader.lead.get(name) is None


def _links(html: str) -> list[str]:
    found = (tag.value("href") for tag in start_tags(tokens(html)) if tag.name in ("a", "area"))
    return list(dict.fromkeys(address_of_link(address) for address in found if address))


def _images(known: Mapping[str, AttachedFile]) -> Callable[[str], tuple[str, bytes] | None]:
    def image_of(content_id: str) -> tuple[str, bytes] | None:
        image = known.get(content_id)
        return (image.facts.content_type, image.path.read_bytes()) if image else None

    return image_of
