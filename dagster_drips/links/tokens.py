"""Tokens in links: which message and what for, and where a click goes.

A token of a message is made for one purpose and opens nothing else, so that whoever is passed a click's address can
neither read the mail nor unsubscribe its reader. It is the message's id under AES-SIV (RFC 5297), with a key a purpose:
nobody can make one, turn one into another, or read the id out of it. A click's address has a second token, that of the
address it leads to, which is signed once a template: nobody can make our address lead anywhere we never linked to.

Tokens don't expire: a mail may be read years later. Addresses around the tokens are in `message_links`, answering
them is the collector's part.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from itsdangerous import BadSignature, Signer


class Purpose(StrEnum):
    """What a token of a message is for. The values are part of the keys: a changed one makes every such link void."""

    CLICK = "click"
    OPEN = "open"
    VIEW = "view"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    CONFIRM = "confirm"


_HEX_ID = re.compile(r"[0-9a-f]{32}")
_ID_BYTES = 16
# Before an id that is no 32 hex digits: what it makes is longer than any id that is.
_TEXT = bytes(_ID_BYTES + 1)
# Tokens made before there were purposes, for all links of a message but a confirmation's.
_OLD_SALT = "drips.message"
_OLD_TEXT = "~"


class BadToken(Exception):
    """A token that we never made, or one made for something else, or only a part of one."""


class Tokens:
    """Makes and reads tokens; for any thread.

    Args:
        keys: as in DRIPS_SECRET_KEYS, at least one; the first makes tokens, all are tried when one is read.
    """

    def __init__(self, keys: Sequence[str]):
        self._ciphers = {purpose: [AESSIV(_derived(key, purpose)) for key in keys] for purpose in Purpose}
        oldest_first = list(reversed(keys))
        self._old = _Signer(oldest_first, salt=_OLD_SALT)
        self._urls = _Signer(oldest_first, salt="drips.url")
        # A link's address is the same in every message of a step: most tokens were verified before.
        self._read_url = lru_cache(maxsize=4096)(self._verified_url)

    def message(self, message_id: str, purpose: Purpose) -> str:
        """The token of a message for one purpose: 43 characters of `A-Za-z0-9_-` for an id of 32 hex digits."""
        return self.messages(message_id, (purpose,))[0]

    def messages(self, message_id: str, purposes: Sequence[Purpose]) -> list[str]:
        """The tokens of a message for several purposes, in their order."""
        is_hex = _HEX_ID.fullmatch(message_id)
        plain = bytes.fromhex(message_id) if is_hex else _TEXT + message_id.encode()
        return [_packed(self._ciphers[purpose][0].encrypt(plain, None)) for purpose in purposes]

    def url(self, url: str) -> str:
        """The token of an address that a click may lead to."""
        return self._urls.sign(_packed(url.encode())).decode("ascii")

    def read_message(self, token: str, purpose: Purpose) -> str:
        """The message_id.

        A token of before there were purposes is read too, whichever of its message's links it stands in.

        Raises:
            BadToken: forged, cut, made for another purpose, or with a key that is gone.
        """
        if "." in token and purpose is not Purpose.CONFIRM:
            return self._read_old(token)
        sealed = _unpacked(token)
        for cipher in self._ciphers[purpose]:
            try:
                plain = cipher.decrypt(sealed, None)
            except (InvalidTag, ValueError):
                continue
            return plain.hex() if len(plain) == _ID_BYTES else plain[len(_TEXT) :].decode()
        raise BadToken

    def read_url(self, token: str) -> str:
        """The address.

        Raises:
            BadToken: forged, cut, or signed with a key that is gone.
        """
        return self._read_url(token)

    def _verified_url(self, token: str) -> str:
        return _unpacked(_verified(self._urls, token)).decode()

    def _read_old(self, token: str) -> str:
        packed = _verified(self._old, token)
        if packed.startswith(_OLD_TEXT):
            return _unpacked(packed[1:]).decode()
        return _unpacked(packed).hex()


class _Signer(Signer):
    """Derives its keys once, not for every token, and signs in one call: the same signatures at half the cost."""

    def __init__(self, keys: list[str], *, salt: str):
        super().__init__(keys, salt=salt)
        self._derived: dict[str | bytes | None, bytes] = {}

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        """The key that signs, from one that was given."""
        derived = self._derived.get(secret_key)
        if derived is None:
            derived = self._derived[secret_key] = super().derive_key(secret_key)
        return derived

    def get_signature(self, value: str | bytes) -> bytes:
        """The signature of a value, as Signer's own HMAC makes it."""
        data = value.encode() if isinstance(value, str) else value
        return urlsafe_b64encode(hmac.digest(self.derive_key(), data, "sha1")).rstrip(b"=")


def _derived(key: str, purpose: Purpose) -> bytes:
    """A key of 512 bits for one purpose."""
    return hmac.digest(key.encode(), f"drips.message.{purpose}".encode(), "sha512")


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
