"""One mail of the working files sent for real to whoever writes it, marked as a test.

It goes by its sender's own route, signed, with its files: what arrives is what a lead would get. It is in no journal
and no statistic, its links are untracked, and `DRIPS_ONLY_TO` holds. What belongs here is that one mail; batches are
`delivery`'s.
"""

from __future__ import annotations

import tempfile
import uuid
from dataclasses import replace
from pathlib import Path

from dagster_drips.blob_store import BlobStore
from dagster_drips.clock import utc_now
from dagster_drips.delivery.routes import Route
from dagster_drips.delivery.single import allowed_recipient, hand_over, require_reach, way_of
from dagster_drips.errors import DripsError
from dagster_drips.message.attachments import AttachmentError, Attachments
from dagster_drips.message.mime import AddressError, OutgoingMessage, Sender, build_message
from dagster_drips.preview.mails import Reader, event_of, readers_content, rendered_step, sender_of, source_of
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import SequenceSource, read_catalog
from dagster_drips.sequences.problems import suggestion
from dagster_drips.sequences.schema import Step
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.settings import Settings
from dagster_drips.templating.rendering import RenderError

MARK = "[Test] "
"""Before the subject; the header `X-Drips-Test: yes` says it to programs."""


def send_test(
    project: Project,
    settings: Settings,
    sequence_id: str,
    step_id: str,
    *,
    variant_id: str | None,
    to: str,
    reader: Reader,
) -> str:
    """Send one mail of the working files; returns the server that took it.

    Args:
        project: whose files.
        settings: servers and keys.
        sequence_id: drafts too.
        step_id: which mail.
        variant_id: which of its variants; the first where None.
        to: whom it goes to.
        reader: whom it is rendered for.

    Raises:
        DripsError: there is no such mail, it can't be made, it may not go there, or no server took it.
    """
    catalog = read_catalog(project, segments=segment_names(project))
    source = source_of(catalog, sequence_id)
    step = next((one for one in source.sequence.steps if one.id == step_id), None)
    if step is None:
        known = [one.id for one in source.sequence.steps]
        raise DripsError(f"sequence {sequence_id} has no step '{step_id}'{suggestion(step_id, known)}")
    variants = [variant.id for variant in step.variants or ()]
    if variant_id is not None and variant_id not in variants:
        raise DripsError(f"step {step_id} has no variant '{variant_id}'{suggestion(variant_id, variants)}")
    recipient = allowed_recipient(settings, to)
    sender = sender_of(source).email
    with tempfile.TemporaryDirectory(prefix="drips-test-mail-") as scratch, way_of(catalog, settings, sender) as way:
        route, routes = way
        require_reach(route, recipient)
        files = BlobStore(Path(scratch) / "files")
        for file in catalog.written[sequence_id].attached_files.values():
            files.keep(file.path, file.facts.sha256)
        chosen = variant_id or (variants[0] if variants else None)
        message = _message(source, step, chosen, recipient, reader, route, files)
        return hand_over(message, route, routes)


def _message(
    source: SequenceSource,
    step: Step,
    variant_id: str | None,
    recipient: str,
    reader: Reader,
    route: Route,
    files: BlobStore,
) -> OutgoingMessage:
    sender, message_id = sender_of(source), f"test-{uuid.uuid4().hex}"
    try:
        event = event_of(source, reader)
        content = readers_content(source, step, reader, event)
        rendered, _, links = rendered_step(source, step, variant_id, reader, event, content)
        rendered = replace(rendered, subject=f"{MARK}{rendered.subject}")
        return build_message(
            rendered,
            message_id=message_id,
            sequence_id=source.sequence_id,
            step_id=step.id,
            sender=Sender(sender.email, sender.name, sender.reply_to, route.return_path, verp=False),
            recipient=recipient,
            links=links,
            date=utc_now(),
            headers={"X-Drips-Test": "yes"},
            files=Attachments(files).of(rendered.attachments),
            sign=route.signer.sign if route.signer else None,
        )
    except (RenderError, AttachmentError, AddressError) as error:
        raise DripsError(f"the mail can't be made: {error}") from error
