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

from dagster_drips.addresses import address_of
from dagster_drips.blob_store import BlobStore
from dagster_drips.clock import utc_now
from dagster_drips.delivery.routes import Route, Routes
from dagster_drips.errors import DripsError
from dagster_drips.message.attachments import AttachmentError, Attachments
from dagster_drips.message.mime import AddressError, OutgoingMessage, Sender, build_message, parse_address
from dagster_drips.preview.mails import Reader, event_of, rendered_step, sender_of, source_of
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import Catalog, SequenceSource, read_catalog
from dagster_drips.sequences.problems import suggestion
from dagster_drips.sequences.schema import Step
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.versions import record_catalog
from dagster_drips.settings import Settings
from dagster_drips.smtp.connections import Connection, ServerUnavailable
from dagster_drips.templating.rendering import RenderError
from dagster_drips.warehouse import open_warehouse

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
    try:
        recipient = parse_address(to).address
    except AddressError as error:
        raise DripsError(str(error)) from error
    address = address_of(recipient)
    allowed = settings.only_to
    if allowed and address not in allowed.addresses and address.rpartition("@")[2] not in allowed.domains:
        raise DripsError(f"DRIPS_ONLY_TO lets no mail go to {recipient}")
    with tempfile.TemporaryDirectory(prefix="drips-test-mail-") as scratch:
        files = BlobStore(Path(scratch) / "files")
        for file in catalog.written[sequence_id].attached_files.values():
            files.keep(file.path, file.facts.sha256)
        routes = _routes(catalog, settings, source, Path(scratch))
        route = routes.of(sender_of(source).email)
        if not route.may_reach(recipient):
            raise DripsError(
                f"its sender is at a domain reserved for examples (RFC 2606), so nothing goes to {recipient}:"
                " put an address of yours into senders.yml"
            )
        chosen = variant_id or (variants[0] if variants else None)
        message = _message(source, step, chosen, recipient, reader, route, files)
    return _handed_over(message, route, routes)


def _routes(catalog: Catalog, settings: Settings, source: SequenceSource, scratch: Path) -> Routes:
    """By the working files' identities: a warehouse of their own, as the project's may be another tick's or busy."""
    with open_warehouse(scratch / "warehouse.duckdb") as warehouse:
        record_catalog(warehouse, catalog, as_of=utc_now())
        return Routes(warehouse, settings, [sender_of(source).email])


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
        rendered, _, links = rendered_step(source, step, variant_id, reader, event_of(source, reader))
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


def _handed_over(message: OutgoingMessage, route: Route, routes: Routes) -> str:
    """The server that took it: the first of the route that is up."""
    reasons = []
    for name in route.servers:
        connection = Connection(routes.servers[name])
        try:
            connection.open()
            connection.hand_over(message.sender, message.recipient, message.data, smtputf8=message.needs_smtputf8)
        except ServerUnavailable as error:
            reasons.append(str(error))
        else:
            return routes.servers[name].address
        finally:
            connection.close()
    raise DripsError("; ".join(reasons) or "the sender has no mail server")
