"""Requests as each provider makes them: keys of our own, signatures as documented."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

OURS = "0123456789abcdef0123456789abcdef"
"""A message id of ours."""
NOW = datetime(2026, 3, 1, 12, 0, 0)
"""What the collector's clock shows."""
THEN = 1772366340
"""A minute before, as providers write it."""
THEN_ISO = "2026-03-01T11:59:00.000Z"

PROVIDERS = ("sendgrid", "ses", "mailgun", "postmark", "mailjet", "brevo", "resend", "sparkpost")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail-events"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b2c3d.pem"
USER = "hook:s3cret"
TOKEN = "t0ken-of-the-webhook"
SIGNING_KEY = "key-of-mailgun"
SVIX_KEY = b"a key of twenty-four byte"


@cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def amazons_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate(*, until: datetime = NOW + timedelta(days=30)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(amazons_key().public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - timedelta(days=90)).not_valid_after(until)
    return builder.sign(amazons_key(), SHA256()).public_bytes(Encoding.PEM)


def settings() -> dict[str, str]:
    """The environment in which all providers are set up."""
    spki = sendgrid_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "DRIPS_WEBHOOK_SENDGRID": base64.b64encode(spki).decode(),
        "DRIPS_WEBHOOK_SES": TOPIC,
        "DRIPS_WEBHOOK_MAILGUN": SIGNING_KEY,
        "DRIPS_WEBHOOK_POSTMARK": USER,
        "DRIPS_WEBHOOK_MAILJET": USER,
        "DRIPS_WEBHOOK_BREVO": TOKEN,
        "DRIPS_WEBHOOK_RESEND": "whsec_" + base64.b64encode(SVIX_KEY).decode(),
        "DRIPS_WEBHOOK_SPARKPOST": USER,
    }


def request(provider: str, payload: Any, **options: Any) -> tuple[bytes, dict[str, str]]:
    """Body and headers of what a provider posts to report `payload` (what its documentation calls the event)."""
    return {"sendgrid": _sendgrid, "ses": sns, "mailgun": mailgun, "resend": resend}.get(
        provider, _with_secret(provider)
    )(payload, **options)


def basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}


def _with_secret(provider: str) -> Any:
    secret = {"Authorization": f"Bearer {TOKEN}"} if provider == "brevo" else basic(USER)
    return lambda payload: (json.dumps(payload).encode(), secret)


def _sendgrid(payload: Any) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(payload).encode()
    timestamp = str(THEN)
    signature = sendgrid_key().sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
    return body, {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


def mailgun(
    payload: Any, *, timestamp: int = THEN, token: str = "", key: str = SIGNING_KEY
) -> tuple[bytes, dict[str, str]]:
    token = token or hashlib.sha256(json.dumps(payload).encode()).hexdigest()[:50]
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    block = {"timestamp": str(timestamp), "token": token, "signature": signature}
    return json.dumps({"signature": block, "event-data": payload}).encode(), {}


def resend(payload: Any, *, event_id: str = "msg_1", timestamp: int = THEN) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(payload).encode()
    signature = hmac.digest(SVIX_KEY, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return body, {
        "svix-id": event_id,
        "svix-timestamp": str(timestamp),
        "svix-signature": "v1,bm90IG91cnM= v1," + base64.b64encode(signature).decode(),
    }


def sns(payload: Any, *, version: str = "2", **members: Any) -> tuple[bytes, dict[str, str]]:
    """A notification with `payload` as its message; `members` change the envelope before it is signed."""
    message = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": payload if isinstance(payload, str) else json.dumps(payload),
        "Timestamp": THEN_ISO,
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
    } | members
    signed = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in signed if name in message)
    signature = amazons_key().sign(text.encode(), padding.PKCS1v15(), SHA1() if version == "1" else SHA256())
    message["Signature"] = base64.b64encode(signature).decode()
    return json.dumps(message).encode(), {"Content-Type": "text/plain; charset=UTF-8"}


def iso(timestamp: float) -> str:
    """As landed rows have it."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
