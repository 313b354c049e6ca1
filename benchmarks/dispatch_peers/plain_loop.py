"""What a careful person writes in an afternoon: one compiled Jinja2 template, `EmailMessage`, one smtplib connection.

Links are rewritten by a regular expression with a signed token each, as tracking needs. No journal, no retries.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import smtplib
import sys
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from pathlib import Path

import content
from jinja2 import Environment
from reporting import Stopwatch

KEY = b"benchmark-key-of-thirty-two-bytes"
TRACKER = "https://mail.acme.example/c/"
LINK = re.compile(r'href="(https?://[^"]+)"')


def token(lead_id: str, target: str) -> str:
    payload = f"{lead_id}\n{target}".encode()
    signed = hmac.digest(KEY, payload, hashlib.sha256)[:16] + payload
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def tracked(html: str, lead_id: str) -> str:
    return LINK.sub(lambda found: f'href="{TRACKER}{token(lead_id, found[1])}"', html)


class Newsletter:
    """The templates, compiled once."""

    def __init__(self) -> None:
        html, text = Environment(autoescape=True), Environment()
        self._html = html.from_string(content.HTML.read_text(encoding="utf-8"))
        self._text = text.from_string(content.TEXT.read_text(encoding="utf-8"))
        self._subject = text.from_string(content.SUBJECT)

    def render(self, lead: dict) -> tuple[str, str, str]:
        """Subject, HTML with tracked links, and text."""
        context = {"lead": lead, "unsubscribe_url": f"mailto:help@acme.example?subject=unsubscribe%20{lead['lead_id']}"}
        html = tracked(self._html.render(context), lead["lead_id"])
        return self._subject.render(context), html, self._text.render(context)


def message_for(newsletter: Newsletter, lead: dict) -> EmailMessage:
    subject, html, text = newsletter.render(lead)
    message = EmailMessage()
    message["From"] = formataddr((content.SENDER_NAME, content.SENDER))
    message["To"] = lead["email"]
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="acme.example")
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message


def send(folder: Path, port: int, connections: int, messages: int) -> None:
    watch = Stopwatch()
    newsletter = Newsletter()
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.example") as server:
        for number in range(messages):
            server.send_message(message_for(newsletter, content.lead(number)))
    watch.report(lambda: messages)


if __name__ == "__main__":
    verb, root, *numbers = sys.argv[1:]
    if verb == "send":
        send(Path(root), *map(int, numbers))
