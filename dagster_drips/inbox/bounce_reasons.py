"""Whether a bounce says that an address is no good (hard), or anything else (soft).

A hard bounce suppresses an address for good (rule L3), so only what blames the address itself is hard. Whom a server's
words blame is read in `smtp.refusals`, which sending and the providers' webhooks ask too; docs/mailbox.md explains the
choice.
"""

from __future__ import annotations

from typing import Literal

from dagster_drips.smtp.refusals import STATUS, blame, blame_of_words, status_in

BounceClass = Literal["hard", "soft"]


def bounce_class(status: str | None, *texts: str) -> BounceClass:
    """The class of a failure that is final.

    Args:
        status: the `Status` field (RFC 3464 2.3.4), if there is one.
        texts: the server's words, the most telling first; each is asked only if those before said nothing.
    """
    return "hard" if blame(status, *texts) == "address" else "soft"


def says_why(text: str) -> bool:
    """Whether a text holds a status of failure, or words for one."""
    return status_in(text) is not None or blame_of_words(text) not in (None, "policy")


def status_of(text: str) -> str | None:
    """The status in a field's text, which may have a comment behind it; None where it can't be read."""
    match = STATUS.search(text)
    return match.group(1) if match else None
