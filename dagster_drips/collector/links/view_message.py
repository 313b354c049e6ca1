"""One message as HTML again: `python -m dagster_drips.collector.links.view_message PROJECT MESSAGE_ID`.

Made of what lies beside the warehouse, which a tick may have locked: the message, its enrollment and its lead as last
published, the sequence version and the content that was frozen for it (M9) from the journal of ticks, the triggering
event from its landing file. The version is the one that was live at the tick that sent the message; the lead is as
known now. Nothing in it is tracked: no pixel,
and links lead where they say, but for those that act for the reader: they work in the mail alone. For `viewing` only;
it is a process of its own, and may import what it likes.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from dagster_drips.blob_store import BlobStore, FileFacts
from dagster_drips.collector.pages import ONLY_IN_THE_MAIL
from dagster_drips.errors import DripsError
from dagster_drips.landing.files import LandingFile, UnreadableFile, landing_files
from dagster_drips.landing.forgotten import normalized_address, read_forgotten
from dagster_drips.landing.kinds import check_events
from dagster_drips.landing.readers import read_batches
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.project import Project
from dagster_drips.sequences.schema import Sender, Sequence
from dagster_drips.settings import load_settings
from dagster_drips.templating.content import content_record
from dagster_drips.templating.context import MessageFacts, message_context
from dagster_drips.templating.sandbox import Record
from dagster_drips.templating.templates import RenderError, compile_step

_CONTENT_ID = re.compile(r"cid:([0-9a-f]+@drips)")


def message_html(project: Project, message_id: str) -> str:
    """The HTML of a message that was sent.

    Raises:
        DripsError: what it was made of is not there (yet).
        RenderError: it can't be rendered now.
    """
    published = project.published_set.resolve()  # once: the three are of one tick
    message = _one(published / "messages.parquet", "message_id", message_id)
    enrollment = _one(published / "enrollments.parquet", "enrollment_id", message["enrollment_id"])
    _refuse_if_forgotten(project, message)
    lead = _one(published / "lead_profiles.parquet", "lead_id", message["lead_id"])
    version = _version(project, message["sequence_id"], message["sent_as_of"])
    sequence = Sequence.model_validate_json(version["definition"])
    facts = {name: FileFacts(**known) for name, known in json.loads(version.get("attached_files") or "{}").items()}
    sender = sequence.sender if isinstance(sequence.sender, Sender) else None
    message_facts = MessageFacts(
        sequence_id=message["sequence_id"],
        step_id=message["step_id"],
        variant_id=message["variant_id"],
        sender_name=sender.name if sender else None,
        sender_email=sender.email if sender else None,
        sender_reply_to=sender.reply_to if sender else None,
        trigger_kind=sequence.trigger.kind,
        triggered_at=enrollment["triggered_at"],
    )
    event = _event(project, enrollment["occurrence_id"]) if sequence.trigger.kind == "event" else None
    maker = LinkMaker.of(load_settings(project))
    replies_to = message_facts.sender_reply_to or message_facts.sender_email or message["sender"]
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
        json.loads(version["definition"]),
        json.loads(version["files"]),
        message["step_id"],
        message["variant_id"],
        maker,
        facts,
    )
    if sequence.confirmation:
        lead = {"email": message["recipient"]}
    content = None if sequence.confirmation else _content(project, message_id, message["sent_as_of"])
    context = message_context(
        message_facts, lead=lead, event=event, sequence_name=sequence.name, links=links, content=content
    )
    return _with_images(str(template.render(context, links).html), facts, BlobStore.of(project))


def _refuse_if_forgotten(project: Project, message: dict[str, Any]) -> None:
    """Between the first step of an erasure and its end, and where another lead has the address, too."""
    forgotten = read_forgotten(project)
    address = normalized_address(message["recipient"])
    if forgotten and (
        forgotten.knows("lead", message["lead_id"]) or (address is not None and forgotten.knows("address", address))
    ):
        raise DripsError("its reader was forgotten")


def _one(path: Path, key: str, value: str) -> dict[str, Any]:
    if not path.exists():
        raise DripsError("is not published yet", file=path)
    rows = pl.scan_parquet(path).filter(pl.col(key) == value).head(1).collect().to_dicts()
    if not rows:
        raise DripsError(f"has no {key} {value}", file=path)
    return rows[0]


def _version(project: Project, sequence_id: str, as_of: datetime) -> dict[str, Any]:
    """What the tick `as_of` had live: the last version that was seen by then."""
    found: dict[str, Any] | None = None
    for path in sorted((project.journal / "ticks").glob("*-*-*/[0-9]*/sequence_versions.parquet")):
        of_sequence = pl.col("sequence_id") == sequence_id
        rows = pl.scan_parquet(path).filter(of_sequence, pl.col("seen_at") <= as_of).collect().to_dicts()
        for row in rows:
            if found is None or _age(row) >= _age(found):
                found = row
    if found is None:
        raise DripsError(f"sequence {sequence_id}: the journal has no version of {as_of}")
    return found


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


def _with_images(html: str, facts: dict[str, FileFacts], kept: BlobStore) -> str:
    """With images that a mail carries along inside of the page."""
    by_content_id = {one.content_id: one for one in facts.values()}

    def inside(found: re.Match[str]) -> str:
        image = by_content_id.get(found[1])
        if image is None:
            return found[0]
        return f"data:{image.content_type};base64,{base64.b64encode(kept.read(image.sha256)).decode('ascii')}"

    return _CONTENT_ID.sub(inside, html)


def main() -> None:
    """Print the HTML; the exit code is 1 and stderr says why where there is none."""
    try:
        html = message_html(Project.at(sys.argv[1]), sys.argv[2])
    except (DripsError, RenderError, OSError, ValueError, pl.exceptions.PolarsError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    sys.stdout.buffer.write(html.encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
