"""Who posts messages, and of whom they may speak: keys of servers, keys of pages, and proof of who a user is.

A page's key is public, so what comes with it is anybody's word. It becomes rows with a mark, `_drips_source`, and ids
of its own: what a mark is worth is decided in SQL (`stg_leads`, `stg_identities`, `stg_events`, `stg_mailable_leads`),
as the collector knows nobody. Requests belong to `segment_api`, rows to `segment_messages`.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import SecretStr

from dagster_drips.field_names import MAX_FIELDS
from dagster_drips.settings import Settings

SOURCE = "_drips_source"
"""Whose word a row is, where nobody vouches for it; traits and properties have names of their own and can't set it."""
ANONYMOUS = "anonymous:"
"""What the ids of visitors of pages begin with: nobody can claim a lead's id by calling it an anonymous one."""
_PAGE_KEY = "page:"
"""What keys of rows from pages begin with: nobody can take the place of an event that a server will post."""


class NotAllowed(ValueError):
    """A message that says of whom it speaks in a way its key can't; the text says why."""


@dataclass(frozen=True)
class Subject:
    """Of whom a message speaks.

    Args:
        lead_id: the user, or else the visitor.
        anonymous_id: by what the visitor is known, if at all.
        is_anonymous: whether no user is named.
        source: the row's mark; None: the word of a source that is trusted.
    """

    lead_id: str
    anonymous_id: str | None
    is_anonymous: bool
    source: str | None = None

    def key(self, given: str) -> str:
        """The idempotency key of an event, from the one that the message gave."""
        return given if self.source is None else f"{_PAGE_KEY}{given}"

    def own_key(self, made: str) -> str:
        """A key that we made: what pages say must not stand in the way of the same thing from a better source."""
        return made if self.source is None else f"{self.source}:{made}"

    def known_before_as(self, anonymous_id: str) -> Subject:
        """The same with another anonymous id, as alias calls name one."""
        return replace(self, anonymous_id=anonymous_id if self.source is None else ANONYMOUS + anonymous_id)


class Caller:
    """Who has a server's key: their word is trusted."""

    takes_proof = False
    most_new_fields = MAX_FIELDS
    """Names of fields new to the project that the key may bring in."""

    def subject(self, user: str | None, anonymous: str | None, user_hash: str | None) -> Subject | None:
        """Of whom a message speaks; None where it names nobody.

        Args:
            user: the `userId`.
            anonymous: the `anonymousId`.
            user_hash: proof of the user, as `context.userHash`.

        Raises:
            NotAllowed: the proof is wrong, or the id is not for everybody to use.
        """
        lead_id = user or anonymous
        return Subject(lead_id, anonymous, user is None) if lead_id else None


class Page(Caller):
    """Who has a page's key: anybody.

    Args:
        identity_keys: as in DRIPS_IDENTITY_KEYS; any of them may have made a proof.
    """

    most_new_fields = 100

    def __init__(self, identity_keys: Sequence[bytes]):
        self._identity_keys = identity_keys
        # Without keys no proof can be verified.
        self.takes_proof = bool(identity_keys)

    def subject(self, user: str | None, anonymous: str | None, user_hash: str | None) -> Subject | None:
        """As of any caller, but marked: `verified` with proof, `page` without, `anonymous` where no user is named."""
        visitor = ANONYMOUS + anonymous if anonymous else None
        if user is None:
            return Subject(visitor, visitor, True, "anonymous") if visitor else None
        if user_hash and self.takes_proof:
            if not self._is_proof(user, user_hash):
                raise NotAllowed("userHash does not fit the userId")
            return Subject(user, visitor, False, "verified")
        if user.startswith(ANONYMOUS):
            raise NotAllowed(f"a userId that begins with {ANONYMOUS!r} needs a userHash")
        return Subject(user, visitor, False, "page")

    def _is_proof(self, user: str, given: str) -> bool:
        proof = given.strip().lower().encode("utf-8", "replace")
        made = [
            hmac.digest(key, user.encode("utf-8", "replace"), "sha256").hex().encode() for key in self._identity_keys
        ]
        return sum(hmac.compare_digest(one, proof) for one in made) > 0


class QuotaExceeded(Exception):
    """A page's key has brought in as much as it may for now; `seconds`: when there is room again."""

    def __init__(self, seconds: int):
        super().__init__("too many messages with this key")
        self.seconds = seconds


class HourlyQuota:
    """How many messages a key may bring in within a clock hour.

    Args:
        most: messages.
    """

    def __init__(self, most: int):
        self._most = most
        self._hour: datetime | None = None
        self._taken = 0

    def take(self, messages: int, now: datetime) -> None:
        """Take so many.

        Raises:
            QuotaExceeded: there is no room for them; none is taken.
        """
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._taken = hour, 0
        if self._taken + messages > self._most:
            raise QuotaExceeded(math.ceil(3600 - (now - hour).total_seconds()))
        self._taken += messages


class Callers:
    """The keys of a project, and who has each.

    Args:
        settings: its keys, and the quota of each page's key.
    """

    def __init__(self, settings: Settings):
        self._server_keys = _bytes(settings.write_keys)
        self._page_keys = _bytes(settings.page_keys)
        self._server = Caller()
        self._page = Page(_bytes(settings.identity_keys))
        self._quotas = [HourlyQuota(settings.page_messages_per_hour) for _ in self._page_keys]

    @property
    def are_there(self) -> bool:
        """Whether anybody may post at all."""
        return bool(self._server_keys or self._page_keys)

    def who(self, key: bytes | None) -> tuple[Caller, HourlyQuota | None] | None:
        """Who has this key, and the quota of its messages; None: nobody.

        Keys are compared in constant time.
        """
        if not key:
            return None
        server = sum(hmac.compare_digest(known, key) for known in self._server_keys)
        pages = [hmac.compare_digest(known, key) for known in self._page_keys]
        if server:
            return self._server, None
        return (self._page, self._quotas[pages.index(True)]) if any(pages) else None


def _bytes(keys: Sequence[SecretStr]) -> list[bytes]:
    return [key.get_secret_value().encode() for key in keys]
