"""Secrets that a provider sends with each request, as it documents for webhooks without a signature.

Signatures are checked in the files of the providers that have them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable

from dagster_drips.collector.webhooks.provider import InvalidSignature, Setup, WebhookRequest, WebhookVerifier

CHALLENGE = 'Basic realm="webhooks", charset="UTF-8"'


def same(given: str, secrets: Iterable[str]) -> bool:
    """Whether it is one of the secrets; compared in constant time."""
    encoded = given.encode("utf-8", "surrogateescape")
    return any(hmac.compare_digest(encoded, secret.encode("utf-8", "surrogateescape")) for secret in secrets)


def verifier_by_secret(setup: Setup, *, token_header: str | None = None) -> WebhookVerifier:
    """A secret with a colon is a user and password (basic authentication), one without a bearer token.

    Args:
        setup: `values` are the secrets.
        token_header: a header of the provider's own that may carry the token instead.
    """

    async def verify(request: WebhookRequest) -> None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        given = [request.headers.get(token_header, "")] if token_header else []
        if scheme.lower() == "bearer":
            given.append(credentials.strip())
        elif scheme.lower() == "basic":
            given.append(_user_and_password(credentials))
        if not any(same(one, setup.values) for one in given if one):
            raise InvalidSignature("no secret that is ours")

    # A token is no answer to a challenge, so only passwords are asked for.
    asks = any(":" in value for value in setup.values)
    return WebhookVerifier(verify, challenge=CHALLENGE if asks else None)


def _user_and_password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
