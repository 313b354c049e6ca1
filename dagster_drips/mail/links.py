"""The addresses a message carries for its reader: unsubscribe, preferences, view in a browser.

Until signed links are served by the collector, all wishes come back by mail: `unsubscribe <message_id>` to the
address that replies go to.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Links:
    """What templates show, and the `List-Unsubscribe` header's targets in order of preference (RFC 2369)."""

    unsubscribe_url: str
    preferences_url: str
    view_url: str
    list_unsubscribe: tuple[str, ...]


def links_for(message_id: str, *, replies_to: str) -> Links:
    """The links of one message.

    Args:
        message_id: names the message, so that the wish finds its reader and topic.
        replies_to: the mailbox that reads wishes, the sender's reply-to or own address.
    """
    mailto = f"mailto:{quote(replies_to, safe='@')}?subject={quote(f'unsubscribe {message_id}')}"
    return Links(unsubscribe_url=mailto, preferences_url=mailto, view_url="", list_unsubscribe=(mailto,))
