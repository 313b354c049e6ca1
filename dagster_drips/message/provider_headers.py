"""What a message must carry so that a provider's webhook names it: one header for each provider that needs one.

`delivery` adds it where the server is that provider's. Without it a provider reports its own id alone, or the
Message-ID, which some replace. docs/webhooks.md has the table with what each returns.
"""

from __future__ import annotations

from collections.abc import Mapping

MESSAGE_ID_KEY = "drips_message_id"
"""Under which name our message id travels in providers' own metadata."""

_ID = "{message_id}"
_JSON = f'{{"{MESSAGE_ID_KEY}":"{_ID}"}}'

HEADERS: Mapping[str, tuple[str, str]] = {
    "sendgrid": ("X-SMTPAPI", f'{{"unique_args":{_JSON}}}'),
    "ses": ("X-SES-MESSAGE-TAGS", f"{MESSAGE_ID_KEY}={_ID}"),
    "mailgun": ("X-Mailgun-Variables", _JSON),
    "postmark": (f"X-PM-Metadata-{MESSAGE_ID_KEY}", _ID),
    "mailjet": ("X-MJ-CustomID", _ID),
    "brevo": ("X-Mailin-custom", _JSON),
    "sparkpost": ("X-MSYS-API", f'{{"metadata":{_JSON}}}'),
}
"""Provider → header and value, with `{message_id}` for ours. Resend needs none: it returns X-Drips-Message-Id."""

SMTP_HOSTS: Mapping[str, str] = {
    "smtp.sendgrid.net": "sendgrid",
    "smtp.eu.sendgrid.net": "sendgrid",
    "smtp.mailgun.org": "mailgun",
    "smtp.eu.mailgun.org": "mailgun",
    "smtp.postmarkapp.com": "postmark",
    "smtp-broadcasts.postmarkapp.com": "postmark",
    "in-v3.mailjet.com": "mailjet",
    "in.mailjet.com": "mailjet",
    "smtp-relay.brevo.com": "brevo",
    "smtp-relay.sendinblue.com": "brevo",
    "smtp.resend.com": "resend",
    "smtp.sparkpostmail.com": "sparkpost",
    "smtp.eu.sparkpostmail.com": "sparkpost",
}
_SES_HOST = ("email-smtp", ".amazonaws.com")


def provider_of(smtp_host: str) -> str | None:
    """The provider whose submission server that is; None for any other server."""
    host = smtp_host.rstrip(".").lower()
    if host.startswith(_SES_HOST[0]) and host.endswith(_SES_HOST[1]):
        return "ses"
    return SMTP_HOSTS.get(host)


def headers_for(smtp_host: str, message_id: str) -> dict[str, str]:
    """The header that a message to that server needs beside ours; empty where it needs none.

    Args:
        smtp_host: host name of `DRIPS_SMTP_URL`.
        message_id: ours (32 hex digits).
    """
    named = HEADERS.get(provider_of(smtp_host) or "")
    return {named[0]: named[1].replace(_ID, message_id)} if named else {}
