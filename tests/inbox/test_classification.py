"""What mails are: bounces of many systems, complaints, unsubscribe requests, answers of machines and of people."""

import email
import random

import pytest

from dagster_drips.inbox.bounce_reasons import bounce_class
from dagster_drips.inbox.classification import Finding, classify
from dagster_drips.inbox.mime import parse
from dagster_drips.inbox.replies import LONGEST_REPLY

from . import mails
from .mails import MESSAGE_ID, OTHER_ID, READER, SENT, VERP, answer, dsn, feedback, group


def found(content: bytes) -> Finding:
    return classify(parse(content))


def short(content: bytes) -> tuple[str, str | None, str | None]:
    finding = found(content)
    return finding.kind, finding.bounce_class, finding.message_id


# Bounces --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "diagnostic", "expected"),
    [
        ("5.1.1", "550 5.1.1 <lead1@example.org>: Recipient address rejected: User unknown", "hard"),
        ("5.1.2", "550 5.1.2 no such domain", "hard"),
        ("5.1.10", "556 5.1.10 Recipient address has null MX", "hard"),
        ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled", "hard"),
        ("5.4.4", "", "soft"),
        ("5.2.2", "552 5.2.2 The recipient's inbox is out of storage space", "soft"),
        ("5.2.3", "552 5.2.3 Message too large", "soft"),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", "soft"),
        ("5.4.6", "", "soft"),
        ("5.6.0", "554 5.6.0 content rejected", "soft"),
        ("5.7.1", "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using list.example", "soft"),
        ("5.7.26", "550 5.7.26 This mail is unauthenticated", "soft"),
        ("5.1.8", "553 5.1.8 Domain of sender address does not exist", "soft"),
        ("4.4.7", "451 4.4.7 Delivery time expired", "soft"),
        ("4.2.2", "452 4.2.2 The email account that you tried to reach is over quota", "soft"),
        # The status says nothing, the words or the reply code do.
        ("5.0.0", "550 5.1.1 no such user", "hard"),
        ("5.0.0", "550 Mailbox not found", "hard"),
        ("5.0.0", "550 5.7.1 rejected", "soft"),
        ("5.0.0", "550 Blocked by our policy", "soft"),
        ("5.3.0", "553 lead1@example.org: user unknown", "hard"),
        ("5.0.0", "550 no", "soft"),
        ("5.0.0", "554 no", "soft"),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. [x.example]", "hard"),
        ("5.4.1", "550 5.4.1 No answer from host", "soft"),
        ("5.1.0", "", "soft"),
    ],
)
def test_a_bounce_is_hard_only_where_the_address_is_to_blame(status, diagnostic, expected):
    assert short(dsn(group(status, diagnostic), words="")) == ("bounced", expected, MESSAGE_ID)


def test_addresses_of_hosts_and_versions_of_programs_are_no_statuses():
    assert bounce_class("5.0.0", "host mx.example.org[5.1.1.7] (Exim 4.94.2): no") == "soft"
    assert bounce_class("5.0.0", "host mx.example.org[192.5.1.1] said: 550 5.7.1 no") == "soft"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (mails.EXIM, ("bounced", "hard", MESSAGE_ID)),
        (mails.OLD_EXIM, ("bounced", "hard", MESSAGE_ID)),
        (mails.QMAIL, ("bounced", "hard", MESSAGE_ID)),
        (mails.QMAIL_FULL, ("bounced", "soft", MESSAGE_ID)),
        (mails.HOMEMADE, ("bounced", "hard", MESSAGE_ID)),
        (mails.POSTFIX_WARNING, ("deferred", None, MESSAGE_ID)),
        (mails.encoded_report(), ("bounced", "hard", MESSAGE_ID)),
    ],
    ids=["exim", "old exim", "qmail", "qmail, full", "homemade", "postfix's warning", "base64"],
)
def test_bounces_of_many_systems_are_understood(content, expected):
    assert short(content) == expected


def test_the_servers_words_are_kept():
    words = "550 5.1.1 <lead1@example.org> unknown"
    assert found(dsn(group("5.1.1", words))).detail == f"5.1.1 smtp; {words}"
    assert "no mailbox here by that name" in (found(mails.QMAIL).detail or "")


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_receipt_of_delivery_is_no_bounce(action):
    assert found(dsn(group("2.0.0", action=action))).kind == "reported"


def test_of_several_recipients_ours_counts():
    ours, other = group("2.1.5", action="delivered"), group("5.1.1", recipient="someone@else.example")
    assert found(dsn(ours, other)).kind == "reported"
    assert short(dsn(group("4.4.1", action="delayed"), other))[0] == "deferred"


def test_of_several_others_the_gravest_counts():
    members = [group("4.2.2", recipient="a@list.example"), group("5.1.1", recipient="b@list.example")]
    assert short(dsn(*members)) == ("bounced", "hard", MESSAGE_ID)


BOUNCES = "bounces@acme.example"
FAILED = group("5.1.1")


@pytest.mark.parametrize(
    "content",
    [
        dsn(FAILED, returned=None),
        dsn(FAILED, to=VERP.upper(), returned=None),
        dsn(FAILED, to=BOUNCES, head=f"Delivered-To: {VERP}\n", returned=None),
        dsn(FAILED, to=BOUNCES, head=f"X-Original-To: {VERP}\n", returned=None),
        dsn(FAILED, to=BOUNCES, head=f"Received: from a by b with ESMTP id 1\n for <{VERP}>; Mon\n", returned=None),
        dsn(FAILED, to=BOUNCES),
        dsn(FAILED, to=BOUNCES, returned_type="text/rfc822-headers"),
        dsn(FAILED, to=BOUNCES, returned_type="message/rfc822-headers"),
        dsn(FAILED, to=BOUNCES, returned=SENT.replace("X-Drips-Message-Id", "X-Other")),
        dsn(FAILED, to=BOUNCES, returned=None, head=f"In-Reply-To: <{MESSAGE_ID}@acme.example>\n"),
        dsn(FAILED + f"\n\nX-Original-Message-ID: <{MESSAGE_ID}@acme.example>", to=BOUNCES, returned=None),
    ],
    ids=[
        *("VERP", "VERP in capitals", "Delivered-To", "X-Original-To", "Received", "enclosed", "headers as text"),
        *("headers as message", "Message-ID", "In-Reply-To", "field"),
    ],
)
def test_a_bounce_is_found_by_whatever_names_its_message(content):
    assert short(content) == ("bounced", "hard", MESSAGE_ID)


def test_the_address_goes_before_what_is_enclosed():
    assert found(dsn(FAILED, returned=SENT.replace(MESSAGE_ID, OTHER_ID))).message_id == MESSAGE_ID


def test_a_bounce_that_names_no_message_is_still_a_bounce():
    assert short(dsn(FAILED, to=BOUNCES, returned=None)) == ("bounced", "hard", None)


def test_a_bounce_that_a_person_forwards_is_no_bounce():
    outer = email.message.EmailMessage()
    outer["From"], outer["To"], outer["Subject"] = READER, "help@acme.example", "Fwd: what is this?"
    outer["In-Reply-To"] = f"<{MESSAGE_ID}@acme.example>"
    outer.set_content("I got this, what does it mean?\n")
    outer.add_attachment(email.message_from_bytes(dsn(FAILED)))
    finding = found(outer.as_bytes())
    assert (finding.kind, finding.detail) == ("replied", "I got this, what does it mean?")


# Complaints -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *((name, "complained") for name in ("abuse", "fraud", "virus", "other", "something-new")),
        *(("opt-out", "unsubscribed"), ("not-spam", "reported"), ("auth-failure", "reported")),
    ],
)
def test_a_feedback_report_is_what_its_type_says(kind, expected):
    assert short(feedback(kind)) == (expected, None, MESSAGE_ID)


def test_a_redacted_complaint_is_found_by_the_envelope_it_tells():
    redacted = "Subject: [redacted]\n\n[redacted]\n"
    assert found(feedback(returned=redacted)).message_id is None
    result = feedback(returned=redacted, fields=f"Original-Mail-From: <{VERP}>\n")
    assert short(result) == ("complained", None, MESSAGE_ID)


# Wishes ---------------------------------------------------------------------------------------------------------------


def test_the_mail_of_an_unsubscribe_link_unsubscribes_whoever_sends_it():
    request = answer("", subject=f"unsubscribe {OTHER_ID}", in_reply_to=None, head="Auto-Submitted: auto-generated\n")
    assert short(request) == ("unsubscribed", None, OTHER_ID)
    assert found(answer(subject=f"Re: unsubscribe {OTHER_ID}")).kind == "replied"
    assert found(answer(subject="unsubscribe abc", in_reply_to=None)).kind == "unrelated"


@pytest.mark.parametrize("text", ["Unsubscribe", "please unsubscribe me!", "unsubscribe\n\n> Welcome to Acme"])
def test_an_answer_that_says_nothing_else_unsubscribes(text):
    assert short(answer(text)) == ("unsubscribed", None, MESSAGE_ID)


def test_an_answer_that_asks_about_unsubscribing_is_an_answer():
    assert found(answer("How do I unsubscribe my colleague?")).kind == "replied"


# Answers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        answer(head="Auto-Submitted: auto-replied\n"),
        answer(head="Auto-Submitted: auto-generated (vacation); x=y\n"),
        answer(head="Precedence: bulk\n"),
        answer(head="Precedence: auto_reply\n"),
        answer(head="X-Autoreply: yes\n"),
        answer(head="X-Autorespond: Welcome\n"),
        answer(head="X-Auto-Response-Suppress: All\n"),
        answer(head="X-Auto-Response-Suppress: DR, OOF, AutoReply\n"),
        answer(sender="No Reply <no-reply@example.org>"),
        answer(subject="Automatic reply: Welcome"),
        answer(subject="Out of the office"),
        answer(subject="=?utf-8?q?R=C3=A9ponse_automatique_?= : Welcome"),
        answer(subject="Abwesenheitsnotiz: Welcome"),
        answer().replace(f"Return-Path: <{READER}>".encode(), b"Return-Path: <>"),
    ],
)
def test_an_answer_of_a_machine_is_told_apart(content):
    assert short(content) == ("auto_replied", None, MESSAGE_ID)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "Auto-Submitted: no\n",
        "Auto-Submitted: no\nPrecedence: bulk\n",
        "X-Auto-Response-Suppress: DR, RN, NRN\n",
        "X-Auto-Response-Suppress: None\n",
        "Precedence: first-class\n",
    ],
)
def test_an_answer_of_a_person_is_an_answer(head):
    assert found(answer(head=head)) == Finding("replied", MESSAGE_ID, None, "Yes please, call me.")


def test_an_answer_is_attributed_by_address_then_in_reply_to_then_the_last_reference():
    ours, other = f"<{MESSAGE_ID}@acme.example>", f"<{OTHER_ID}@acme.example>"
    references = f"References: {other}\n {ours} <else@example.org>\n"
    assert found(answer(in_reply_to=None, head=references)).message_id == MESSAGE_ID
    assert found(answer(in_reply_to=other, head=references)).message_id == OTHER_ID
    assert found(answer(in_reply_to=other, to=VERP)).message_id == MESSAGE_ID


def test_mail_that_answers_nothing_of_ours_is_unrelated():
    assert found(answer(in_reply_to=None)).kind == "unrelated"
    assert found(answer(in_reply_to="<CAF12@mail.example>", head="Precedence: list\n")).kind == "unrelated"


@pytest.mark.parametrize(
    "text",
    [
        "Yes, call me.\n\nOn Mon, Mar 2, 2026 at 9:00 AM Ada Lovelace <ada@acme.example> wrote:\n> Hello\n> there",
        "Yes, call me.\n\nAm Mo., 2. März 2026 um 09:00 Uhr schrieb Ada Lovelace <ada@acme.example>:\n> Hallo",
        "Yes, call me.\n\n-----Original Message-----\nFrom: Ada Lovelace <ada@acme.example>\nSent: Monday\n\nHello",
        "On Mon, Mar 2, 2026 at 9:00 AM Ada Lovelace <ada@acme.example> wrote:\n> Hello\n> there\n\nYes, call me.",
        "> Hello\n> there\n\nYes, call me.\n",
    ],
    ids=["above", "german", "outlook", "below", "between"],
)
def test_the_quote_is_left_out(text):
    assert found(answer(text)).detail == "Yes, call me."


def test_an_answer_in_html_gives_its_words():
    content = (
        answer("<div>Yes, <b>call</b> me.</div><div class='gmail_quote'>On Monday Ada wrote:<blockquote>Hello")
        .decode()
        .replace("text/plain", "text/html")
        .encode()
    )
    assert found(content).detail == "Yes, call me."


def test_a_long_answer_is_cut():
    assert len(found(answer("word " * 10_000)).detail or "") == LONGEST_REPLY


def test_an_empty_answer_is_an_answer():
    assert found(answer("")) == Finding("replied", MESSAGE_ID)


# Broken ---------------------------------------------------------------------------------------------------------------

SAMPLES = [
    *(mails.EXIM, mails.QMAIL, mails.OLD_EXIM, mails.HOMEMADE, mails.encoded_report(), mails.POSTFIX_WARNING),
    *(dsn(group("5.1.1", "550 5.1.1 no")), feedback(), answer(), answer("<p>x", subject="=?utf-8?q?=C3?=")),
]


def test_a_mail_that_was_cut_or_damaged_anywhere_is_still_judged():
    chance = random.Random(5)
    for content in SAMPLES:
        for _ in range(60):
            damaged = bytearray(content)
            for _ in range(chance.randrange(4)):
                place = chance.randrange(len(damaged))
                damaged[place : place + chance.randrange(1, 40)] = chance.randbytes(chance.randrange(20))
            finding = found(bytes(damaged[: chance.randrange(len(damaged)) + 1]))
            assert finding.kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n\r\n",
        b"\xff\xfe\x00",
        answer().replace(b"utf-8", b"klingon-1"),
        answer(subject="=?klingon-1?b?AAA?="),
        answer(subject="=?utf-8?b?A?="),
        dsn("Action: failed"),
        dsn("Status: none"),
    ],
)
def test_a_strange_mail_is_judged(content):
    assert found(content).kind
