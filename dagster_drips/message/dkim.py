"""DKIM signatures (RFC 6376) over the bytes of a message, made by dkimpy.

Here belong a sender identity's private key and signing with it. Which identity signs is in `senders.yml`, where keys
come from in `settings`; whether the world finds the public key is asked in `doctor`. yagmail's tuple `DKIM` holds the
key, but its `add_dkim_sig_to_message` is not used: it writes the message out anew, and other bytes would go out than
were put together in `message`.

What it costs: dkimpy computes RSA in pure Python. With a key of 2048 bits one signature took about 60 times the CPU of
building the 12 KB message that it signs (7.2 ms beside 0.12 ms on the machine of writing), nine tenths of it in two
modular powers that let no other thread run; the size of a message hardly matters. Ed25519 took 5 times the building,
but needs PyNaCl, and receivers that don't know it (RFC 8463) see an unsigned message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import re
from typing import Literal

import dkim
import idna
from dkim.asn1 import BIT_STRING, INTEGER, SEQUENCE, ASN1FormatError
from dkim.crypto import (
    DigestTooLargeError,
    RSASSA_PKCS1_v1_5_sign,
    RSASSA_PKCS1_v1_5_verify,
    UnparsableKeyError,
    parse_private_key,
)
from yagmail.dkim import DKIM

from dagster_drips.errors import DripsError

Algorithm = Literal["rsa", "ed25519"]

SIGNED_HEADERS = (
    b"from", b"from", b"to", b"subject", b"date", b"message-id", b"reply-to", b"list-unsubscribe",
    b"list-unsubscribe-post", b"mime-version", b"content-type",
)  # fmt: skip
"""What a signature covers. From stands twice, so that no second one can be put in (RFC 6376 8.15), and a name that the
message lacks can't be added either. List-Unsubscribe and -Post have to be covered (RFC 8058 4)."""

SHORTEST_RSA_KEY = 1024
"""Bits; verifiers don't take less (RFC 8301 3.2)."""

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")  # rsaEncryption with its NULL, RFC 3279 2.3.1
_ED25519_KEY = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410 7: all of the key before its 32 bytes


class Signer:
    """Signs for one domain and selector; any number of threads may share it.

    Args:
        domain: `d=`; an international one is turned into ASCII (IDNA 2008).
        selector: `s=`; the public key is in the DNS at `<selector>._domainkey.<domain>`.
        key: the private key as PEM text: RSA (PKCS#1 or PKCS#8) or Ed25519 (PKCS#8).

    Raises:
        DripsError: the key can't be read or used, or the domain is none; the words never show the key.
    """

    def __init__(self, domain: str, selector: str, key: str):
        try:
            self.domain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise DripsError(f"not a domain name to sign for: {domain!r}") from error
        self.selector = selector
        self.algorithm, self.bits, private, self._public = _key_material(key)
        self._material = DKIM(
            domain=self.domain.encode("ascii"),
            private_key=private,
            include_headers=list(SIGNED_HEADERS),
            selector=selector.encode("ascii"),
        )

    def __repr__(self) -> str:
        return f"Signer({self.domain!r}, {self.selector!r}, {self.algorithm} {self.bits})"

    @property
    def record_name(self) -> str:
        """Where verifiers look for the public key (RFC 6376 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT record to publish there (RFC 6376 3.6.1)."""
        return f"v=DKIM1; k={self.algorithm}; p={self.public_key}"

    @property
    def public_key(self) -> str:
        """The public half as `p=` has it, in base64."""
        return base64.b64encode(self._public).decode("ascii")

    def sign(self, data: bytes) -> bytes:
        """The message with its DKIM-Signature before all else, and not a byte of it changed.

        Args:
            data: a whole message with CRLF line ends, as it goes out, before dot-stuffing.

        Raises:
            DripsError: it is no message that can be signed (one without From).
        """
        try:
            header = dkim.sign(
                data,
                self._material.selector,
                self._material.domain,
                self._material.private_key,
                canonicalize=(b"relaxed", b"relaxed"),
                signature_algorithm=f"{self.algorithm}-sha256".encode("ascii"),
                include_headers=self._material.include_headers,
            )
        except dkim.DKIMException as error:
            raise DripsError(f"the message can't be signed for {self.domain}: {error}") from error
        return header + data


def _key_material(pem: str) -> tuple[Algorithm, int, bytes, bytes]:
    """Algorithm, bits, the private key as dkimpy wants it, the public key's bytes as `p=` encodes them."""
    # `from None`, as a cause could repeat parts of the key.
    found = _PEM.search(pem)
    if found is None:
        raise DripsError("not a private key: PEM text begins with -----BEGIN PRIVATE KEY-----")
    label, body = found.group(1), found.group(2)
    if "ENCRYPTED" in label or "ENCRYPTED" in body:
        raise DripsError("the private key is protected by a passphrase; give it without one")
    if "PRIVATE KEY" not in label:
        raise DripsError(f"not a private key but a {label.lower()}")
    try:
        encoded = base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        raise DripsError("the private key can't be read: between its BEGIN and END lines is no base64") from None
    if encoded.startswith(_ED25519_KEY) and len(encoded) == len(_ED25519_KEY) + 32:
        return _ed25519(encoded[len(_ED25519_KEY) :])
    return _rsa(encoded)


def _rsa(encoded: bytes) -> tuple[Algorithm, int, bytes, bytes]:
    pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(encoded) + b"-----END PRIVATE KEY-----\n"
    try:
        key = parse_private_key(encoded)
        probe = hashlib.sha256(b"does it sign?")
        works = RSASSA_PKCS1_v1_5_verify(probe, RSASSA_PKCS1_v1_5_sign(probe, key), key)
    except (DigestTooLargeError, ZeroDivisionError):
        works = False
    except (UnparsableKeyError, ASN1FormatError, IndexError, TypeError, ValueError):
        raise DripsError("the private key can't be read: it is no RSA and no Ed25519 key") from None
    if not works:
        raise DripsError("the private key can't be used: it is damaged")
    modulus, exponent = key["modulus"], key["publicExponent"]
    if modulus.bit_length() < SHORTEST_RSA_KEY:
        raise DripsError(f"the private key is too short: {modulus.bit_length()} bits; make one of 2048 (RFC 8301)")
    numbers = _der(SEQUENCE, _der_integer(modulus) + _der_integer(exponent))
    public = _der(SEQUENCE, _RSA_ALGORITHM + _der(BIT_STRING, b"\x00" + numbers))
    return "rsa", modulus.bit_length(), pem, public


def _ed25519(seed: bytes) -> tuple[Algorithm, int, bytes, bytes]:
    try:
        signing = importlib.import_module("nacl.signing")
    except ImportError:
        raise DripsError(
            "an Ed25519 key needs the package pynacl, which is not installed; install it or use an RSA key of 2048 bits"
        ) from None
    return "ed25519", 256, base64.b64encode(seed), bytes(signing.SigningKey(seed).verify_key)


def _der(tag: int, content: bytes) -> bytes:
    """A DER value; dkimpy's own builder fails from 127 bytes on."""
    length = len(content)
    if length < 128:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 128 | len(size))) + size + content


def _der_integer(value: int) -> bytes:
    return _der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))
