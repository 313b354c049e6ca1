"""The whole way round: a send to nobody, a real DSN, the mailbox, the landing folder, a tick, a suppression."""

from __future__ import annotations

import os
import pwd
import smtplib
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from end_to_end.shop import Shop, new_shop
from smtp import postfix
from smtp.postfix import Postfix

from dagster_drips.clock import utc_now
from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.inbox.inbox import InboxReport, read_inbox, required_server
from dagster_drips.settings import Settings

from . import dovecot
from .dovecot import Dovecot

pytestmark = pytest.mark.slow

SENDERS = """\
default: acme
senders:
  acme: {name: Ada, email: ada@acme.example, return_path: bounces@acme.example, verp: true}
"""
# A server that takes mail for anybody and finds out later, as relays do; what it has to say comes to a second Maildir.
_LATER = """
smtpd_recipient_restrictions = permit
smtpd_reject_unlisted_recipient = no
virtual_mailbox_domains = {local} acme.example
"""


class Relay(Postfix):
    """A Postfix that bounces instead of refusing."""

    @property
    def returned(self) -> Path:
        """The Maildir of bounces and answers."""
        return self._root / "returned"

    def settle(self) -> None:
        self._settle()

    def _write_files(self) -> None:
        super()._write_files()
        owner = pwd.getpwnam("nobody")
        for folder in (self.returned, *(self.returned / name for name in ("cur", "new", "tmp"))):
            folder.mkdir()
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        with (self._root / "conf" / "main.cf").open("a") as main:
            main.write(_LATER.format(local=postfix.LOCAL))
        with (self._root / "conf" / "users").open("a") as users:
            users.write("/^(bounces(\\+[0-9a-f]{32})?|ada)@acme\\.example$/ returned/\n")


@pytest.fixture(scope="module")
def relay():
    if reason := postfix.missing() or dovecot.missing():
        pytest.skip(reason)
    with Relay() as running:
        yield running


@dataclass
class RoundTrip:
    """A shop after two ticks, with what was read from the mailbox in between."""

    shop: Shop
    report: InboxReport
    second: DispatchReport


@pytest.fixture(scope="module")
def trip(relay: Relay, running_dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> RoundTrip:
    shop = new_shop(tmp_path_factory.mktemp("shop"))
    sequences = shop.project.sequences
    shop.add_sequence("course")
    for name in ("welcome", "course"):
        file = sequences / name / "sequence.yml"
        file.write_text(file.read_text().replace("sender: {name: Ada, email: ada@acme.example}", "sender: acme"))
    (sequences / "senders.yml").write_text(SENDERS)
    # What comes back is dated by the mailbox's clock.
    shop.now = utc_now() - timedelta(hours=1)

    shop.sign_up("silent", email="lead1@example.org")
    shop.sign_up("talkative", email="lead2@example.org")
    shop.sign_up("leaving", email="lead3@example.org")
    shop.sign_up("nobody", email="no.such.user@example.org")
    _, sent = shop.tick(relay.url())
    assert sent.due == 4
    messages = {str(message["To"]): message for message in relay.arrived()}
    assert sorted(messages) == ["lead1@example.org", "lead2@example.org", "lead3@example.org"]

    words = "Call me.\n\nOn Monday, Ada <ada@acme.example> wrote:\n> Hello\n"
    asked = messages["lead2@example.org"]["Message-ID"]
    write(relay, "lead2@example.org", "ada@acme.example", "Re: Hello", words, In_Reply_To=asked)
    link = urlsplit(messages["lead3@example.org"]["List-Unsubscribe"].strip("<>"))
    write(relay, "lead3@example.org", link.path, unquote(link.query.removeprefix("subject=")), "")
    relay.settle()
    server = required_server(Settings(imap_url=running_dovecot.new_account(relay.returned).url()))
    report = read_inbox(shop.project, server)
    assert read_inbox(shop.project, server).read == 0

    shop.sign_up("same", to="course", email="No.Such.User@example.org")
    shop.enter("silent", to="course")
    _, second = shop.tick(relay.url())
    return RoundTrip(shop, report, second)


def write(relay: Relay, sender: str, to: str, subject: str, text: str, **headers: str) -> None:
    """A reader's mail."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    address = urlsplit(relay.url())
    with smtplib.SMTP(address.hostname or "", address.port or 0, local_hostname="localhost") as client:
        client.send_message(message)


def test_each_mail_gives_its_fact_once(trip):
    assert (trip.report.read, trip.report.landed) == (3, 3)
    assert trip.report.counts == {"hard_bounces": 1, "replied": 1, "unsubscribed": 1}


def test_a_send_to_nobody_ends_as_a_hard_bounce(trip):
    [row] = trip.shop.rows("select status, bounced_at, bounce_class from marts.messages where lead_id = 'nobody'")
    assert (row["status"], row["bounce_class"]) == ("sent", "hard")
    assert row["bounced_at"] is not None
    [fact] = trip.shop.rows("select detail from raw.engagement where type = 'bounced'")
    assert fact["detail"].startswith("5.1.1 ")
    assert [row["exit_reason"] for row in trip.shop.enrollments("nobody")] == ["bounced"]


def test_the_address_is_suppressed_whoever_has_it(trip):
    assert trip.shop.decisions("same") == [("course", "suppressed")]
    assert trip.shop.messages("same") == []


def test_who_got_the_mail_goes_on(trip):
    assert trip.second.due == 1
    assert [row["bounced_at"] for row in trip.shop.messages("silent")] == [None, None]


def test_an_answer_comes_to_its_message_without_the_quote(trip):
    [row] = trip.shop.rows("select replied_at from marts.messages where lead_id = 'talkative'")
    assert row["replied_at"] is not None
    assert trip.shop.rows("select detail from raw.engagement where type = 'replied'") == [{"detail": "Call me."}]


def test_an_unsubscribe_request_by_mail_ends_the_sequence(trip):
    [row] = trip.shop.rows("select unsubscribed_at from marts.messages where lead_id = 'leaving'")
    assert row["unsubscribed_at"] is not None
    assert [row["exit_reason"] for row in trip.shop.enrollments("leaving")] == ["unsubscribed"]
