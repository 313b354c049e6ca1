"""Sequences that would send from a domain that nobody can own (RFC 2606, RFC 6761): the addresses of examples.

Here belongs telling so before anything is due. That such mail stays on this machine is held while sending
(`mail/routes.py`).
"""

from __future__ import annotations

from dagster_drips.addresses import is_reserved
from dagster_drips.sequences.catalog import SEQUENCE_FILE, Catalog
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.schema import Sender


def reserved_senders(catalog: Catalog) -> list[Problem]:
    """A warning for each reserved sender of active sequences, at the first sequence that has it."""
    found: dict[str, str] = {}
    for sequence_id, source in sorted(catalog.sources.items()):
        sender = source.sequence.sender
        if source.sequence.status == "active" and isinstance(sender, Sender) and is_reserved(sender.email):
            found.setdefault(sender.email, sequence_id)
    return [
        Problem(
            f"sequences/{sequence_id}/{SEQUENCE_FILE}",
            None,
            f"its sender {email} is at a domain reserved for examples (RFC 2606): its mail goes to reserved domains"
            " and to a mail server on this machine only; give it an address of yours",
            "warning",
        )
        for email, sequence_id in found.items()
    ]
