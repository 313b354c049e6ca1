"""One message made again as it was sent, of what lies beside the warehouse, which a tick may have locked.

The message, its enrollment and its lead are as last published; the sequence version and the content that was frozen for
it (M9) come from the journal of ticks, the triggering event from its landing file. The version is the one that was live
at the tick that sent the message. Only the lead's own fields are as known now: `lead_changed_at` says whether they may
have been others. Nothing in it is tracked: no pixel, and links lead where they say, but for those that act for the
reader: they work in the mail alone. Who shows it is `view_message`'s matter, and the console's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from dagster_drips.blob_store import BlobStore, FileFacts
from dagster_drips.collector.links.published_rows import published_rows
from dagster_drips.collector.pages import ONLY_IN_THE_MAIL
from dagster_drips.errors import DripsError
from dagster_drips.landing.files import LandingFile, UnreadableFile, landing_files
from dagster_drips.landing.forgotten import normalized_address, read_forgotten
from dagster_drips.landing.kinds import check_events
from dagster_drips.landing.readers import read_batches
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.project import Project
from dagster_drips.sequences.schema import Sender, Sequence
from dagster_drips.sequences.step_content import CONTENT, texts_of_step
from dagster_drips.sequences.template_facts import template_facts
from dagster_drips.settings import load_settings
from dagster_drips.templating.content import content_record
from dagster_drips.templating.context import MessageFacts, message_context
from dagster_drips.templating.html_images import with_images_as_data
from dagster_drips.templating.sandbox import Record
from dagster_drips.templating.templates import compile_step


@dataclass(frozen=True)
class SentMessage:
    """A message as it was sent.

    Args:
        subject: as it was rendered.
        html: with the images that the mail carries along as data, for a browser.
        text: the plain part.
        lead_changed_at: since when the lead's fields are what they are, naive UTC, where that is later than the tick
            that sent it: what the mail shows of the lead may have been different; None: it shows what it showed.
        lacks_event: it names the event that brought its reader, which no landing file has any more.
    """

    subject: str
    html: str
    text: str
    lead_changed_at: datetime | None = None
    lacks_event: bool = False


def sent_message(project: Project, message_id: str) -> SentMessage:
    """A message that was sent, or tried.

    Raises:
        DripsError: what it was made of is not there (yet).
        RenderError: it can't be rendered now.
    """
    with published_rows(project) as published:  # once: all of them are of one tick
        message = published.one("messages", "message_id", message_id)
        enrollment = published.one("enrollments", "enrollment_id", message["enrollment_id"])
        _refuse_if_forgotten(project, message)
        lead = published.one("lead_profiles", "lead_id", message["lead_id"])
        since = published.version_since(message["sequence_id"], message["sent_as_of"])
    version = _version(project, message["sequence_id"], message["sent_as_of"], since)
    sequence = Sequence.model_validate_json(version["definition"])
    files = json.loads(version["files"])
    attached = {name: FileFacts(**known) for name, known in json.loads(version.get("attached_files") or "{}").items()}
    sender = sequence.sender if isinstance(sequence.sender, Sender) else None
    facts = MessageFacts(
        sequence_id=message["sequence_id"],
        step_id=message["step_id"],
        variant_id=message["variant_id"],
        sender_name=sender.name if sender else None,
        sender_email=sender.email if sender else None,
        sender_reply_to=sender.reply_to if sender else None,
        trigger_kind=sequence.trigger.kind,
        triggered_at=enrollment["triggered_at"],
    )
    maker = LinkMaker.of(load_settings(project))
    replies_to = facts.sender_reply_to or facts.sender_email or message["sender"]
    links = replace(
        maker.of_message(message_id, replies_to=replies_to),
        # Whoever is passed the page must not get what only its reader may do.
        unsubscribe_url=ONLY_IN_THE_MAIL,
        preferences_url=ONLY_IN_THE_MAIL,
        confirm_url=ONLY_IN_THE_MAIL if sequence.confirmation else None,
        clicks=None,
        opens=None,
    )
    template = compile_step(
        json.loads(version["definition"]), files, message["step_id"], message["variant_id"], maker, attached
    )
    step = next(one for one in sequence.steps if one.id == message["step_id"])
    named = {name for text in texts_of_step(step, files) for name in template_facts(text).undeclared}
    # Looking for it means reading landing files.
    is_event = sequence.trigger.kind == "event" and "event" in named
    event = _event(project, enrollment["occurrence_id"]) if is_event else None
    changed_at = lead["updated_at"]
    if sequence.confirmation:
        lead, changed_at = {"email": message["recipient"]}, None
    asks = CONTENT in named and not sequence.confirmation
    content = _content(project, message_id, message["sent_as_of"]) if asks else None
    context = message_context(facts, lead=lead, event=event, sequence_name=sequence.name, links=links, content=content)
    rendered = template.render(context, links)
    return SentMessage(
        rendered.subject,
        with_images_as_data(str(rendered.html), _images(attached, BlobStore.of(project))),
        str(rendered.text),
        changed_at if changed_at and changed_at > message["sent_as_of"] else None,
        is_event and event is None,
    )


def _refuse_if_forgotten(project: Project, message: dict[str, Any]) -> None:
    """Between the first step of an erasure and its end, and where another lead has the address, too."""
    forgotten = read_forgotten(project)
    address = normalized_address(message["recipient"])
    if forgotten and (
        forgotten.knows("lead", message["lead_id"]) or (address is not None and forgotten.knows("address", address))
    ):
        raise DripsError("its reader was forgotten")


def _version(project: Project, sequence_id: str, as_of: datetime, since: datetime | None) -> dict[str, Any]:
    """What the tick `as_of` had live: the last version that was seen by then, at `since` where the marts know."""
    ticks = project.journal / "ticks"
    of_sequence, seen = pl.col("sequence_id") == sequence_id, pl.col("seen_at") <= as_of
    places = [f"{since:%Y-%m-%d}/{since:%H%M%S}-*"] if since else []
    found: list[dict[str, Any]] = []
    # Where the marts say when it was seen first, else everywhere: a year has a hundred thousand commits.
    for place in (*places, "*-*-*/[0-9]*"):
        for path in ticks.glob(f"{place}/sequence_versions.parquet"):
            found += pl.scan_parquet(path).filter(of_sequence, seen).collect().to_dicts()
        if found:
            return max(found, key=_age)
    raise DripsError(f"sequence {sequence_id}: the journal has no version of {as_of}")


def _content(project: Project, message_id: str, as_of: datetime) -> Record | None:
    """What was frozen for the message when it was sent, or when it was tried first: the last that is no later."""
    files = sorted((project.journal / "ticks").glob("*-*-*/[0-9]*/message_content.parquet"), reverse=True)
    found: list[dict[str, Any]] = []
    tick = ""
    for path in files:
        if found and path.parent.name[:6] != tick:
            break  # a tick has several commits where it was repeated, and the one recorded last counts
        tick = path.parent.name[:6]
        if f"{path.parent.parent.name} {tick}" > f"{as_of:%Y-%m-%d %H%M%S}":
            continue
        found += pl.scan_parquet(path).filter(pl.col("message_id") == message_id).collect().to_dicts()
    if not found:
        return None
    last = max(found, key=lambda row: (row["as_of"], row["recorded_at"]))
    return content_record(last["content"], last["content_types"])


def _age(version: dict[str, Any]) -> tuple[datetime, int]:
    return version["seen_at"], version.get("version_number") or 0


def _event(project: Project, event_id: str) -> dict[str, Any] | None:
    """The first landed event of that id, as it was loaded."""
    found, is_sure = _looked_up(project, event_id)
    if found is None and not is_sure:
        # A compaction may have packed the file since it was listed.
        found, _ = _looked_up(project, event_id)
    return found


def _looked_up(project: Project, event_id: str) -> tuple[dict[str, Any] | None, bool]:
    """The event, and whether every file could be looked into."""
    is_sure = True
    for file in landing_files(project, ("events",)):
        try:
            if not _may_hold(file, event_id):
                continue
            for batch in read_batches(file):
                checked = check_events(batch)
                for row in (checked.frame["event_id"] == event_id).arg_true().to_list():
                    if row not in checked.reasons:
                        return checked.frame.row(row, named=True), True
        except (UnreadableFile, FileNotFoundError):
            is_sure = False
    return None, is_sure


def _may_hold(file: LandingFile, event_id: str) -> bool:
    """False only where it is sure that the file does not hold that id, which is found out without reading rows."""
    if file.format not in (".csv", ".jsonl") or not re.fullmatch(r"[A-Za-z0-9_.:-]+", event_id):
        return True
    needle = event_id.encode()
    carried = b""
    with file.opened() as stream:
        while block := stream.read(1 << 20):
            if needle in carried + block:
                return True
            carried = block[-len(needle) :]
    return False


def _images(facts: dict[str, FileFacts], kept: BlobStore) -> Callable[[str], tuple[str, bytes] | None]:
    by_content_id = {one.content_id: one for one in facts.values()}

    def image_of(content_id: str) -> tuple[str, bytes] | None:
        known = by_content_id.get(content_id)
        return (known.content_type, kept.read(known.sha256)) if known else None

    return image_of
