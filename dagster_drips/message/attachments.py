"""The files of messages: from what a version knows of them to what goes into a MIME body.

Bytes come by their hash from the journal, are checked and encoded once, and are shared by all messages that have them.
Which files a message has is decided in `templating`.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import PurePosixPath

from dagster_drips.blob_store import BlobStore
from dagster_drips.errors import DripsError
from dagster_drips.message.content import Attachment
from dagster_drips.message.encoding import base64_lines
from dagster_drips.message.mime import File

MEMORY = 64_000_000
"""Bytes of encoded files that are kept at hand; what is over that is read again when it is needed."""


class AttachmentError(Exception):
    """A file of a message that can't be had; the text says which and why."""


class Attachments:
    """Files as messages carry them.

    Args:
        kept: where their bytes are.
    """

    def __init__(self, kept: BlobStore):
        self._kept = kept
        self._at_hand: OrderedDict[Attachment, File] = OrderedDict()
        self._missing: dict[Attachment, str] = {}
        self._size = 0

    def of(self, attachments: tuple[Attachment, ...]) -> list[File]:
        """The files of one message.

        Raises:
            AttachmentError: one of them can't be had; remembered, so that looking for it costs once.
        """
        return [self._file(attachment) for attachment in attachments]

    def _file(self, attachment: Attachment) -> File:
        if attachment in self._missing:
            raise AttachmentError(self._missing[attachment])
        found = self._at_hand.get(attachment)
        if found is not None:
            self._at_hand.move_to_end(attachment)
            return found
        facts = attachment.facts
        try:
            encoded = base64_lines(self._kept.read(facts.sha256))
        except (DripsError, OSError, MemoryError) as error:
            self._missing[attachment] = f"file '{attachment.name}': {error or type(error).__name__}"
            raise AttachmentError(self._missing[attachment]) from error
        content_id = facts.content_id if attachment.shown else None
        file = File(PurePosixPath(attachment.name).name, facts.content_type, encoded, content_id)
        self._at_hand[attachment] = file
        self._size += len(encoded)
        while self._size > MEMORY and len(self._at_hand) > 1:
            self._size -= len(self._at_hand.popitem(last=False)[1].encoded)
        return file
