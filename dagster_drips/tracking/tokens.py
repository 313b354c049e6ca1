"""Signed tokens in links: which message, and where a click goes.

A click's address carries two tokens, `/c/<message>/<url>`: the first is made once a message, the second once a
template. Neither can be forged, so nobody can make our address lead anywhere we never linked to. Tokens don't
expire: a mail may be read years later. Addresses around the tokens are in `mail.links`, answering them is the
collector's part.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence
from functools import lru_cache

from itsdangerous import BadSignature, Signer

_HEX_ID = re.compile(r"[0-9a-f]{32}")
_AS_TEXT = "~"


class BadToken(Exception):
    """A token that we never made, or only a part of one."""


class Tokens:
    """Makes and reads tokens.

    Args:
        keys: as in DRIPS_SECRET_KEYS, at least one; the first signs, all verify.
    """

    def __init__(self, keys: Sequence[str]):
        oldest_first = list(reversed(keys))
        self._messages = _Signer(oldest_first, salt="drips.message")
        self._urls = _Signer(oldest_first, salt="drips.url")
        # A link's address is the same in every message of a step: most tokens were verified before.
        self._read_url = lru_cache(maxsize=4096)(self._verified_url)

    def message(self, message_id: str) -> str:
        """The token of a message, some 50 characters of `A-Za-z0-9_.~-`."""
        if _HEX_ID.fullmatch(message_id):
            return _signed(self._messages, _packed(bytes.fromhex(message_id)))
        return _signed(self._messages, _AS_TEXT + _packed(message_id.encode()))

    def url(self, url: str) -> str:
        """The token of an address that a click may lead to."""
        return _signed(self._urls, _packed(url.encode()))

    def read_message(self, token: str) -> str:
        """The message_id.

        Raises:
            BadToken: forged, cut, or signed with a key that is gone.
        """
        packed = _verified(self._messages, token)
        if packed.startswith(_AS_TEXT):
            return _unpacked(packed[1:]).decode()
        return _unpacked(packed).hex()

    def read_url(self, token: str) -> str:
        """The address.

        Raises:
            BadToken: forged, cut, or signed with a key that is gone.
        """
        return self._read_url(token)

    def _verified_url(self, token: str) -> str:
        return _unpacked(_verified(self._urls, token)).decode()


class _Signer(Signer):
    """Derives its keys once, not for every token."""

    def __init__(self, keys: list[str], *, salt: str):
        super().__init__(keys, salt=salt)
        self._derived: dict[str | bytes | None, bytes] = {}

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        """The key that signs, from one that was given."""
        derived = self._derived.get(secret_key)
        if derived is None:
            derived = self._derived[secret_key] = super().derive_key(secret_key)
        return derived


def _signed(signer: Signer, text: str) -> str:
    return signer.sign(text).decode("ascii")


def _verified(signer: Signer, token: str) -> str:
    try:
        return signer.unsign(token).decode("ascii")
    except (BadSignature, UnicodeError) as error:
        raise BadToken from error


def _packed(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unpacked(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (BadBase64, ValueError) as error:
        raise BadToken from error
