"""A claimed message's bytes: rendered, put together, signed.

Here the parts meet: templates, links, headers, the identity's return path and signature. Whatever goes wrong in any of
them, expected or not, is an outcome of that one message and of no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dagster_drips.blob_store import BlobStore
from dagster_drips.delivery.due_message import DueMessage
from dagster_drips.delivery.queue import QueuedMessage
from dagster_drips.links.message_links import LinkMaker, Links
from dagster_drips.message.attachments import AttachmentError, Attachments
from dagster_drips.message.content import RenderedMessage
from dagster_drips.message.mime import AddressError, OutgoingMessage, Sender, build_message
from dagster_drips.smtp.outcomes import Outcome, cut
from dagster_drips.templating.content import content_record
from dagster_drips.templating.context import message_context
from dagster_drips.templating.rendering import RenderError, cause_of, is_failure
from dagster_drips.templating.templates import StepTemplate

_NO = frozenset({"false", "no", "off", "0"})


class Composer:
    """Makes the messages of one run.

    Args:
        links: with the public address and its keys, if there are any.
        files: where attachments and images are.
    """

    def __init__(self, links: LinkMaker, files: BlobStore):
        self._links = links
        self._attachments = Attachments(files)

    def __call__(self, queued: QueuedMessage, date: datetime) -> OutgoingMessage | Outcome:
        """The message, dated `date` (naive UTC), or why there is none: it never fails but when asked to stop."""
        try:
            return self._message(queued, date)
        except AddressError as error:
            return Outcome("failed", detail=cut(f"bad_address: {error}"))
        except (RenderError, AttachmentError) as error:
            return _failed(error)
        except BaseException as error:
            if not is_failure(error):
                raise
            return _failed(RenderError(cause_of(error)))

    def _message(self, queued: QueuedMessage, date: datetime) -> OutgoingMessage:
        due, template, route = queued.due, queued.template, queued.route
        if isinstance(template, RenderError):
            # A new one: all messages of the step have this one, and it would keep a trace of each.
            raise RenderError(str(template))
        rendered, links = rendered_message(due, template, self._links)
        return build_message(
            rendered,
            message_id=due.message_id,
            sequence_id=due.sequence_id,
            step_id=due.step_id,
            sender=Sender(due.sender_email, due.sender_name, due.sender_reply_to, route.return_path, route.verp),
            recipient=due.recipient,
            links=links,
            date=date,
            headers=route.provider_headers(due.message_id),
            files=self._attachments.of(rendered.attachments),
            sign=route.signer.sign if route.signer else None,
        )


def rendered_message(
    due: DueMessage, template: StepTemplate, links: LinkMaker, *, tracked: bool = True
) -> tuple[RenderedMessage, Links]:
    """What its reader gets to see of a due message, and the message's links.

    Args:
        due: with its lead and event.
        template: of its step.
        links: makes them.
        tracked: whether links and opens may be tracked, where nothing else is against it.

    Raises:
        RenderError: the template did something wrong.
    """
    # A confirmation may go to a stranger: it says nothing of what a page said of the lead.
    lead = {"email": due.recipient} if template.confirms else due.lead
    its_links = links.of_message(
        due.message_id,
        replies_to=due.sender_reply_to or due.sender_email,
        tracked=tracked and template.tracked and not template.confirms and not _declines_tracking(lead),
        confirms=template.confirms,
    )
    # Of a stranger nothing is told.
    shows = due.content is not None and not template.confirms
    content = content_record(due.content, due.content_types) if shows else None
    context = message_context(
        due, lead=lead, event=due.event, sequence_name=template.sequence_name, links=its_links, content=content
    )
    return template.render(context, its_links), its_links


def _failed(error: Exception) -> Outcome:
    return Outcome("failed", detail=cut(f"render_error: {error}"))


def _declines_tracking(lead: Mapping[str, Any]) -> bool:
    """Whether the lead's custom field `tracking` says no, whatever its type."""
    return str(lead.get("tracking")).strip().lower() in _NO
