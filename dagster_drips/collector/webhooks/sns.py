"""Amazon SNS, which carries the events of Amazon SES: its signature, its certificates, its subscriptions.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Anybody can have SNS sign messages of a
topic of their own, so a topic that the owner hasn't named is refused whatever its signature. Nothing is fetched but
from `sns.<region>.amazonaws.com`, the region being the topic's: under any other name in its place (`sns.s3.…`) the host
may be somebody's bucket.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs
from urllib.request import HTTPRedirectHandler, build_opener

import anyio.to_thread
from cryptography import exceptions
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificate

from dagster_drips.collector.webhooks.payload import at, instant, text
from dagster_drips.collector.webhooks.provider import (
    Fetch,
    InvalidSignature,
    Unreadable,
    VerificationUnavailable,
    WebhookRequest,
    require_fresh,
)

NOTIFICATION = "Notification"
CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")

# The members that are signed, in the order in which they are; `Subject` only where it is there.
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(CONFIRMATIONS, ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")),
}
_OPTIONAL = "Subject"
REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}"
"""A region's name: `eu-west-1`, `us-gov-east-1`, `cn-north-1`."""
# Whole addresses: what takes them apart may read them otherwise than what fetches.
_CERTIFICATE = r"/SimpleNotificationService(?:-[0-9A-Za-z]{1,64})?\.pem"
_SUBSCRIBE = r"/\?([!-~]+)"
_VERSIONS = frozenset({"1", "2"})
_SECONDS = 5
_MOST_BYTES = 64 * 1024
_MOST_CERTIFICATES = 16


class Sns:
    """Verifies messages of the given topics, and confirms their subscriptions.

    Args:
        topics: ARNs.
        fetch: gets certificates and calls a subscription's address.
        tolerance: how far the time of a message may lie from the clock.
    """

    def __init__(self, topics: tuple[str, ...], fetch: Fetch, tolerance: timedelta):
        self._topics = topics
        self._fetch = fetch
        self._tolerance = tolerance
        self._certificates: dict[str, Certificate] = {}

    async def verify(self, request: WebhookRequest) -> None:
        """Whether SNS signed it.

        Raises:
            InvalidSignature: it didn't, or it is of another topic.
            Stale: the message's time lies too far from the clock.
            VerificationUnavailable: the certificate can't be had.
        """
        try:
            message = request.json
        except Unreadable:
            raise InvalidSignature("no JSON, so no signature") from None
        # First of all, as everything that follows costs more.
        topic = text(message, "TopicArn")
        if topic not in self._topics:
            raise InvalidSignature("not a topic of ours")
        if text(message, "SignatureVersion") not in _VERSIONS:
            raise InvalidSignature("a version of signatures that is not known")
        signed, signature = _signed(message), _signature(message)
        certificate = await self._certificate(text(message, "SigningCertURL") or "", topic)
        if not certificate.not_valid_before_utc.replace(tzinfo=None) <= request.at <= _end(certificate):
            raise InvalidSignature("the certificate is not valid now")
        if not _signed_by(certificate, signature, signed, sha1=text(message, "SignatureVersion") == "1"):
            raise InvalidSignature("the signature is not Amazon's")
        require_fresh(request, instant(at(message, "Timestamp")), self._tolerance)

    async def confirm(self, request: WebhookRequest) -> None:
        """Confirm the subscription that a verified message asks for; others are left alone.

        Raises:
            VerificationUnavailable: Amazon didn't answer; it asks again.
        """
        message = request.json
        if text(message, "Type") != "SubscriptionConfirmation":
            return
        url, topic = text(message, "SubscribeURL") or "", text(message, "TopicArn") or ""
        address = re.fullmatch(_host_of(topic) + _SUBSCRIBE, url)
        if not address or parse_qs(address[1]).get("TopicArn") != [topic]:
            raise VerificationUnavailable("the subscription's address is not Amazon's")
        await self._fetched(url)

    async def _certificate(self, url: str, topic: str) -> Certificate:
        if not re.fullmatch(_host_of(topic) + _CERTIFICATE, url):
            raise InvalidSignature("the certificate is not from Amazon, of the topic's region")
        if url in self._certificates:
            return self._certificates[url]
        try:
            certificate = load_pem_x509_certificate(await self._fetched(url))
        except ValueError:
            raise VerificationUnavailable("what came is no certificate") from None
        if len(self._certificates) >= _MOST_CERTIFICATES:
            self._certificates.clear()
        self._certificates[url] = certificate
        return certificate

    async def _fetched(self, url: str) -> bytes:
        try:
            return await anyio.to_thread.run_sync(self._fetch, url, abandon_on_cancel=True)
        except OSError as error:
            raise VerificationUnavailable(f"Amazon can't be reached: {error}") from None


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


def _host_of(topic: str) -> str:
    """A pattern of the one host that speaks for a topic, with its scheme: that of the topic's region and partition."""
    region = topic.split(":")[3]
    ending = r"\.amazonaws\.com\.cn" if region.startswith("cn-") else r"\.amazonaws\.com"
    return rf"https://sns\.{re.escape(region)}{ending}"


def _signed(message: Any) -> bytes:
    kind = text(message, "Type") or ""
    if kind not in _SIGNED:
        raise InvalidSignature("not a message of SNS")
    parts = []
    for name in _SIGNED[kind]:
        value = at(message, name)
        if value is None and name == _OPTIONAL:
            continue
        if not isinstance(value, str):
            raise InvalidSignature(f"{name} is missing")
        parts += [name, value]
    return "".join(f"{part}\n" for part in parts).encode("utf-8", "surrogateescape")


def _signature(message: Any) -> bytes:
    try:
        return base64.b64decode(text(message, "Signature") or "", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSignature("no signature") from None


def _end(certificate: Certificate) -> Any:
    return certificate.not_valid_after_utc.replace(tzinfo=None)


def _signed_by(certificate: Certificate, signature: bytes, signed: bytes, *, sha1: bool) -> bool:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        return False
    try:
        # Version 1 is SHA-1 by Amazon's definition, and still what topics have unless they are configured otherwise.
        key.verify(signature, signed, PKCS1v15(), SHA1() if sha1 else SHA256())  # noqa: S303
    except (exceptions.InvalidSignature, exceptions.UnsupportedAlgorithm):
        return False
    return True
