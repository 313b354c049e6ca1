"""The files of messages: from what a version knows of them to what goes into a MIME body.

Bytes come by their hash from the journal, are checked and encoded once, and are shared by all messages that have them.
Which files a message has is decided in `templates`.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import PurePosixPath

from dagster_drips.blob_store import KeptFiles
from dagster_drips.errors import DripsError
from dagster_drips.message.content import Enclosure
from dagster_drips.message.encoding import base64_lines
from dagster_drips.message.mime import File

MEMORY = 64_000_000
"""Bytes of encoded files that are kept at hand; what is over that is read again when it is needed."""


class AttachmentError(Exception):
    """A file of a message that can't be had; the text says which and why."""


class Enclosures:
    """Files as messages carry them.

    Args:
        kept: where their bytes are.
    """

    def __init__(self, kept: KeptFiles):
        self._kept = kept
        self._at_hand: OrderedDict[Enclosure, File] = OrderedDict()
        self._missing: dict[Enclosure, str] = {}
        self._size = 0

    def of(self, enclosures: tuple[Enclosure, ...]) -> list[File]:
        """The files of one message.

        Raises:
            AttachmentError: one of them can't be had; remembered, so that looking for it costs once.
        """
        return [self._file(enclosure) for enclosure in enclosures]

    def _file(self, enclosure: Enclosure) -> File:
        if enclosure in self._missing:
            raise AttachmentError(self._missing[enclosure])
        found = self._at_hand.get(enclosure)
        if found is not None:
            self._at_hand.move_to_end(enclosure)
            return found
        facts = enclosure.facts
        try:
            encoded = base64_lines(self._kept.read(facts.sha256))
        except (DripsError, OSError, MemoryError) as error:
            self._missing[enclosure] = f"file '{enclosure.name}': {error or type(error).__name__}"
            raise AttachmentError(self._missing[enclosure]) from error
        content_id = facts.content_id if enclosure.shown else None
        file = File(PurePosixPath(enclosure.name).name, facts.content_type, encoded, content_id)
        self._at_hand[enclosure] = file
        self._size += len(encoded)
        while self._size > MEMORY and len(self._at_hand) > 1:
            self._size -= len(self._at_hand.popitem(last=False)[1].encoded)
        return file
