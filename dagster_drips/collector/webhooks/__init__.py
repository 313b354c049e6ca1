"""Mail providers' webhooks: POST /webhooks/<provider>, each event kept raw and landed as engagement.

One file a provider, all of the same shape (`provider.Provider`): how it signs, and tables of what its events mean. The
list of them stands here.
"""

from __future__ import annotations

from datetime import timedelta

from starlette.routing import Route

from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.webhooks import (
    brevo,
    mailgun,
    mailjet,
    postmark,
    receiving,
    resend,
    sendgrid,
    ses,
    sparkpost,
)
from dagster_drips.collector.webhooks.provider import Fetch, Provider, Setup, WebhookVerifier
from dagster_drips.collector.webhooks.sns import https_get
from dagster_drips.errors import DripsError
from dagster_drips.settings import Settings

PROVIDERS: tuple[Provider, ...] = (
    sendgrid.PROVIDER,
    ses.PROVIDER,
    mailgun.PROVIDER,
    postmark.PROVIDER,
    mailjet.PROVIDER,
    brevo.PROVIDER,
    resend.PROVIDER,
    sparkpost.PROVIDER,
)

_CONFIRM = "_confirm"
_TOLERANCE = "_tolerance"
_LONGEST_TOLERANCE = 7 * 24 * 3600
_YES = frozenset({"1", "true", "yes", "on"})


def routes(context: CollectorContext, *, fetch: Fetch = https_get) -> list[Route]:
    """One route a provider; who isn't set up answers 404.

    Args:
        context: `settings.webhooks` says who is set up.
        fetch: gets Amazon's certificates.

    Raises:
        DripsError: a setting is bad; the message names it and never shows a secret.
    """
    known = {provider.name for provider in PROVIDERS} | {ses.PROVIDER.name + _CONFIRM}
    known |= {provider.name + _TOLERANCE for provider in PROVIDERS if provider.tolerance is not None}
    for name in context.settings.webhooks:
        if name not in known:
            raise DripsError(f"DRIPS_WEBHOOK_{name.upper()}: not a known provider; one of {', '.join(sorted(known))}")
    return [receiving.route(context, provider, _verifier(context.settings, provider, fetch)) for provider in PROVIDERS]


def _verifier(settings: Settings, provider: Provider, fetch: Fetch) -> WebhookVerifier | None:
    secret = settings.webhooks.get(provider.name)
    values = tuple(part.strip() for part in secret.get_secret_value().split(",") if part.strip()) if secret else ()
    if not values:
        return None
    confirm = settings.webhooks.get(provider.name + _CONFIRM)
    confirms = confirm is not None and confirm.get_secret_value().strip().lower() in _YES
    try:
        return provider.verifier(Setup(values, confirms, fetch, _tolerance(settings, provider)))
    except ValueError as error:
        raise DripsError(f"DRIPS_WEBHOOK_{provider.name.upper()}: {error}") from None


def _tolerance(settings: Settings, provider: Provider) -> timedelta:
    given = settings.webhooks.get(provider.name + _TOLERANCE)
    if given is None:
        return provider.tolerance or timedelta(0)
    text = given.get_secret_value().strip()
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= _LONGEST_TOLERANCE:
        variable = f"DRIPS_WEBHOOK_{provider.name.upper()}_TOLERANCE"
        raise DripsError(f"{variable}: not a number of seconds between 1 and {_LONGEST_TOLERANCE} (7 days)")
    return timedelta(seconds=int(text))
