"""What a message says, before it is put into headers and a MIME body.

Only the types: templates make them, `mime` and `attachments` turn them into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from dagster_drips.blob_store import FileFacts
from dagster_drips.message.precompiled_body import Text


@dataclass(frozen=True)
class Attachment:
    """A file that a message has, attached or `shown` by its HTML; `name` as the sequence gives it."""

    name: str
    facts: FileFacts
    shown: bool


@dataclass(frozen=True)
class RenderedMessage:
    """What a lead will read: a subject without line breaks, both bodies, and the files that go with them."""

    subject: str
    html: Text
    text: Text
    attachments: tuple[Attachment, ...] = ()
