"""DKIM signatures (RFC 6376) over the bytes of a message.

Here belong a sender identity's private key and signing with it. Which identity signs is in `senders.yml`, where keys
come from in `settings`; whether the world finds the public key is asked in `doctor`. Keys and signatures are
`cryptography`'s work, canonicalizing headers and folding dkimpy's. Its `sign`, which gives the same bytes, is not used:
it computes RSA in pure Python, ten times slower and holding the interpreter all the while, and needs PyNaCl for
Ed25519. Nor is yagmail's `add_dkim_sig_to_message`: it writes the message out anew, and other bytes would go out than
were put together here.

What it costs is measured by `benchmarks/dispatch.py --dkim`. Receivers that don't know Ed25519 (RFC 8463) see an
unsigned message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from typing import Literal

import dkim
import idna
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from dkim.canonicalization import CanonicalizationPolicy

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
_RELAXED = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
_HEADER = b"DKIM-Signature"


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
        self._key = _private_key(key)
        self.algorithm: Algorithm = "rsa" if isinstance(self._key, RSAPrivateKey) else "ed25519"
        self.bits = self._key.key_size if isinstance(self._key, RSAPrivateKey) else 256

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
        """The public half as `p=` has it, in base64: SubjectPublicKeyInfo of RSA, the bare 32 bytes of Ed25519."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            encoded = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(encoded).decode("ascii")

    def sign(self, data: bytes) -> bytes:
        """The message with its DKIM-Signature before all else, and not a byte of it changed.

        Args:
            data: a whole message with CRLF line ends, as it goes out, before dot-stuffing.

        Raises:
            DripsError: it is no message that can be signed (one without From).
        """
        head, _, body = data.partition(b"\r\n\r\n")
        headers = self._headers_of(head)
        body_hash = hashlib.sha256(relaxed_body(body)).digest()
        unsigned = self._fields(body_hash)
        digest = hashlib.sha256()
        for name, value in _RELAXED.canonicalize_headers(dkim.select_headers(headers, SIGNED_HEADERS)):
            digest.update(b"%b:%b" % (name, value))
        # The signature's own header comes last, with an empty b= and without a line end (RFC 6376 3.7).
        [(name, value)] = _RELAXED.canonicalize_headers([(_HEADER, unsigned)])
        digest.update(b"%b:%b" % (name, value.rstrip()))
        signed = unsigned + base64.b64encode(self._signature(digest.digest()))
        return b"%b: %b\r\n%b" % (_HEADER, dkim.fold(signed, namelen=len(_HEADER)), data)

    def _headers_of(self, head: bytes) -> list[list[bytes]]:
        """Names and values. The body is left out: dkimpy would take it apart line by line."""
        try:
            headers, _ = dkim.rfc822_parse(head + b"\r\n\r\n")
        except (dkim.DKIMException, IndexError) as error:
            raise DripsError(f"the message can't be signed for {self.domain}: {error}") from error
        if not any(name.lower() == b"from" for name, _ in headers):
            raise DripsError(f"the message can't be signed for {self.domain}: it has no From")
        return headers

    def _fields(self, body_hash: bytes) -> bytes:
        """The header's value up to where the signature follows (RFC 6376 3.5)."""
        domain = self.domain.encode("ascii")
        fields = (
            (b"v", b"1"),
            (b"a", f"{self.algorithm}-sha256".encode("ascii")),
            (b"c", b"relaxed/relaxed"),
            (b"d", domain),
            (b"i", b"@" + domain),
            (b"q", b"dns/txt"),
            (b"s", self.selector.encode("ascii")),
            (b"t", b"%d" % time.time()),
            (b"h", b" : ".join(SIGNED_HEADERS)),
            (b"bh", base64.b64encode(body_hash)),
            (b"b", b""),
        )
        return b"; ".join(b"%b=%b" % field for field in fields)

    def _signature(self, digest: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(digest, PKCS1v15(), Prehashed(SHA256()))
        return self._key.sign(digest)  # RFC 8463 3: Ed25519 over the hash


def relaxed_body(body: bytes) -> bytes:
    """A body as `relaxed` hashes it (RFC 6376 3.4.4).

    The same bytes as dkimpy's, which replaces each run of white space, single spaces among them: 1.1 ms for the
    4,000 spaces of a newsletter. Most bodies have no run to replace, and looking for one takes 0.05 ms.
    """
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while b"  " in body:  # halves the longest run each time
        body = body.replace(b"  ", b" ")
    body = body.replace(b" \r\n", b"\r\n")
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _private_key(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
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
    try:
        # Its own check of RSA keys proves primes anew, which takes 40 ms a sender; `_is_whole` sees what is damaged.
        key = load_der_private_key(encoded, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DripsError("the private key can't be read: it is no RSA and no Ed25519 key") from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, RSAPrivateKey):
        raise DripsError("the private key can't be used: it is no RSA and no Ed25519 key")
    if not _is_whole(key):
        raise DripsError("the private key can't be used: it is damaged")
    if key.key_size < SHORTEST_RSA_KEY:
        raise DripsError(f"the private key is too short: {key.key_size} bits; make one of 2048 (RFC 8301)")
    return key


def _is_whole(key: RSAPrivateKey) -> bool:
    """Whether the key's numbers fit together (RFC 8017 3.2): what damage changes, without proving primes anew."""
    private = key.private_numbers()
    public, p, q, d = private.public_numbers, private.p, private.q, private.d
    return (
        min(p, q) > 1
        and p * q == public.n
        and public.e * d % (p - 1) == public.e * d % (q - 1) == 1
        and (private.dmp1, private.dmq1) == (d % (p - 1), d % (q - 1))
        and private.iqmp * q % p == 1
    )
