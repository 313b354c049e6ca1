"""The addresses a message carries: unsubscribe, preferences, view in a browser, tracked clicks and opens.

With a public address (DRIPS_PUBLIC_URL) they lead to the collector and carry signed tokens. Without one nothing is
tracked, and unsubscribe requests come back by mail: `unsubscribe <message_id>` to the address that replies go to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dagster_drips.links.tokens import Purpose, Tokens

_REQUESTS = (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.VIEW)
_TRACKING = (Purpose.CLICK, Purpose.OPEN)


@dataclass(frozen=True)
class Links:
    """What templates show, and the `List-Unsubscribe` header's targets in order of preference (RFC 2369, RFC 8058).

    `clicks` is what stands before a tracked address' token, `opens` the pixel's address; None: not tracked.
    `confirm_url` is where the reader of a confirmation says yes; None: the message is none, or there is no public
    address.
    """

    unsubscribe_url: str
    preferences_url: str
    view_url: str
    list_unsubscribe: tuple[str, ...]
    clicks: str | None = None
    opens: str | None = None
    confirm_url: str | None = None


class LinkMaker:
    """Makes the links of messages.

    Args:
        public_url: where the world reaches the collector, without a slash at its end; None: nothing is tracked.
        tokens: signs; needed with `public_url`.
    """

    def __init__(self, public_url: str | None = None, tokens: Tokens | None = None):
        self.public_url = public_url
        self.tokens = tokens

    @classmethod
    def of(cls, settings: Any) -> LinkMaker:
        """From DRIPS_PUBLIC_URL and DRIPS_SECRET_KEYS."""
        if settings.public_url is None:
            return cls()
        return cls(settings.public_url, Tokens([key.get_secret_value() for key in settings.secret_keys]))

    def of_message(self, message_id: str, *, replies_to: str, tracked: bool = True, confirms: bool = False) -> Links:
        """The links of one message.

        Args:
            message_id: names the message, so that a request finds its reader and topic.
            replies_to: the mailbox that reads unsubscribe requests, the sender's reply-to or own address.
            tracked: whether clicks and opens may be recorded; the reader's own requests always work.
            confirms: whether the message asks its reader to confirm the address.
        """
        mailto = f"mailto:{quote(replies_to, safe='@')}?subject=unsubscribe%20{quote(message_id)}"
        if self.public_url is None or self.tokens is None:
            return Links(unsubscribe_url=mailto, preferences_url=mailto, view_url="", list_unsubscribe=(mailto,))
        base = self.public_url
        # All at once, as it happens for every message.
        unsubscribe, preferences, view, *tracking = self.tokens.messages(
            message_id, (*_REQUESTS, *_TRACKING) if tracked else _REQUESTS
        )
        click, opened = tracking or (None, None)
        return Links(
            unsubscribe_url=f"{base}/u/{unsubscribe}",
            preferences_url=f"{base}/p/{preferences}",
            view_url=f"{base}/v/{view}",
            list_unsubscribe=(f"{base}/u/{unsubscribe}", mailto),
            clicks=f"{base}/c/{click}/" if tracked else None,
            opens=f"{base}/o/{opened}.gif" if tracked else None,
            confirm_url=f"{base}/confirm/{self.tokens.message(message_id, Purpose.CONFIRM)}" if confirms else None,
        )

    def url_token(self, url: str) -> str:
        """What follows `Links.clicks` for a link to `url`; only with a public address."""
        if self.tokens is None:
            raise ValueError("nothing is tracked without a public address")
        return self.tokens.url(url)
