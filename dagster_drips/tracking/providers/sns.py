"""Amazon SNS, which carries the events of Amazon SES: its signature, its certificates, its subscriptions.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Anybody can have SNS sign messages of a
topic of their own, so a topic that the owner hasn't named is refused whatever its signature. Nothing is fetched but
from `sns.<region>.amazonaws.com`.
"""

from __future__ import annotations

import base64
import binascii
import re
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import parse_qs
from urllib.request import HTTPRedirectHandler, build_opener

import anyio.to_thread

from dagster_drips.tracking.providers.payload import at, text
from dagster_drips.tracking.providers.provider import Fetch, Forged, Posted, Undecided, Unreadable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

NOTIFICATION = "Notification"
CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")

# The members that are signed, in the order in which they are; `Subject` only where it is there.
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(CONFIRMATIONS, ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")),
}
_OPTIONAL = "Subject"
# Whole addresses: what takes them apart may read them otherwise than what fetches.
_AMAZON = r"https://sns\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(_AMAZON + r"/SimpleNotificationService(?:-[0-9A-Za-z]+)?\.pem")
_SUBSCRIBE = re.compile(_AMAZON + r"/\?([!-~]+)")
_SECONDS = 5
_MOST_BYTES = 64 * 1024
_MOST_CERTIFICATES = 16


class Sns:
    """Verifies messages of the given topics, and confirms their subscriptions.

    Args:
        topics: ARNs.
        fetch: gets certificates and calls a subscription's address.
    """

    def __init__(self, topics: tuple[str, ...], fetch: Fetch):
        self._topics = topics
        self._fetch = fetch
        self._certificates: dict[str, Certificate] = {}

    async def verify(self, posted: Posted) -> None:
        """Raises Forged for what SNS didn't sign or what is of another topic, Undecided without the certificate."""
        try:
            message = posted.json
        except Unreadable:
            raise Forged("no JSON, so no signature") from None
        # First of all, as everything that follows costs more.
        if text(message, "TopicArn") not in self._topics:
            raise Forged("not a topic of ours")
        signed, signature = _signed(message), _signature(message)
        certificate = await self._certificate(text(message, "SigningCertURL") or "")
        if not certificate.not_valid_before_utc.replace(tzinfo=None) <= posted.at <= _end(certificate):
            raise Forged("the certificate is not valid now")
        if not _signed_by(certificate, signature, signed, sha1=text(message, "SignatureVersion") == "1"):
            raise Forged("the signature is not Amazon's")

    async def confirm(self, posted: Posted) -> None:
        """Confirm the subscription that a verified message asks for; others are left alone.

        Raises:
            Undecided: Amazon didn't answer; it asks again.
        """
        message = posted.json
        if text(message, "Type") != "SubscriptionConfirmation":
            return
        url = text(message, "SubscribeURL") or ""
        address = _SUBSCRIBE.fullmatch(url)
        if not address or parse_qs(address[1]).get("TopicArn") != [text(message, "TopicArn")]:
            raise Undecided("the subscription's address is not Amazon's")
        await self._fetched(url)

    async def _certificate(self, url: str) -> Certificate:
        if url in self._certificates:
            return self._certificates[url]
        if not _CERTIFICATE.fullmatch(url):
            raise Forged("the certificate is not from Amazon")
        from cryptography.x509 import load_pem_x509_certificate

        try:
            certificate = load_pem_x509_certificate(await self._fetched(url))
        except ValueError:
            raise Undecided("what came is no certificate") from None
        if len(self._certificates) >= _MOST_CERTIFICATES:
            self._certificates.clear()
        self._certificates[url] = certificate
        return certificate

    async def _fetched(self, url: str) -> bytes:
        try:
            return await anyio.to_thread.run_sync(self._fetch, url, abandon_on_cancel=True)
        except OSError as error:
            raise Undecided(f"Amazon can't be reached: {error}") from None


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        raise HTTPError(req.full_url, code, "leads elsewhere", headers, fp)


def https_get(url: str) -> bytes:
    """What lies at an https address: within seconds, not large, and nowhere else (no redirects).

    Raises:
        OSError: it can't be had.
    """
    try:
        with build_opener(_NoRedirects).open(url, timeout=_SECONDS) as answer:
            content = answer.read(_MOST_BYTES + 1)
    except HTTPException as error:
        raise OSError(f"no answer in HTTP: {error}") from None
    if len(content) > _MOST_BYTES:
        raise OSError("too large")
    return content


def _signed(message: Any) -> bytes:
    kind = text(message, "Type") or ""
    if kind not in _SIGNED:
        raise Forged("not a message of SNS")
    parts = []
    for name in _SIGNED[kind]:
        value = at(message, name)
        if value is None and name == _OPTIONAL:
            continue
        if not isinstance(value, str):
            raise Forged(f"{name} is missing")
        parts += [name, value]
    return "".join(f"{part}\n" for part in parts).encode("utf-8", "surrogateescape")


def _signature(message: Any) -> bytes:
    try:
        return base64.b64decode(text(message, "Signature") or "", validate=True)
    except (binascii.Error, ValueError):
        raise Forged("no signature") from None


def _end(certificate: Certificate) -> Any:
    return certificate.not_valid_after_utc.replace(tzinfo=None)


def _signed_by(certificate: Certificate, signature: bytes, signed: bytes, *, sha1: bool) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        return False
    try:
        # Version 1 is SHA-1 by Amazon's definition, and still what topics have unless they were told otherwise.
        key.verify(signature, signed, PKCS1v15(), SHA1() if sha1 else SHA256())
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
