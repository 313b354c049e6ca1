"""Mails as systems of the world write them, about one message of ours; each is text with its own quirks."""

from __future__ import annotations

import base64

MESSAGE_ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = "fedcba9876543210fedcba9876543210"
VERP = f"bounces+{MESSAGE_ID}@acme.example"
READER = "lead1@example.org"

SENT = f"""\
From: Ada Lovelace <ada@acme.example>
Reply-To: help@acme.example
To: {READER}
Subject: Welcome
Date: Mon, 02 Mar 2026 09:00:00 +0000
Message-ID: <{MESSAGE_ID}@acme.example>
X-Drips-Message-Id: {MESSAGE_ID}
X-Drips-Sequence: welcome
MIME-Version: 1.0
Content-Type: text/plain

Hello
"""


def dsn(
    *groups: str,
    to: str = VERP,
    words: str = "Your message could not be delivered.",
    returned: str | None = SENT,
    returned_type: str = "message/rfc822",
    head: str = "",
) -> bytes:
    """A report as RFC 3464 has it, one group of fields a recipient."""
    fields = "\n\n".join(("Reporting-MTA: dns; mx.example.org\nArrival-Date: Mon, 02 Mar 2026 09:00:01 +0000", *groups))
    enclosed = f"--=_b\nContent-Type: {returned_type}\n\n{returned}\n" if returned is not None else ""
    return f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-Id: <20260302090005.4F1@mx.example.org>
Auto-Submitted: auto-replied
{head}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

This is a MIME-encapsulated message.

--=_b
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

{words}

--=_b
Content-Description: Delivery report
Content-Type: message/delivery-status

{fields}

{enclosed}--=_b--
""".encode()


def group(status: str, diagnostic: str = "", *, action: str = "failed", recipient: str = READER) -> str:
    lines = [f"Final-Recipient: rfc822; {recipient}", f"Action: {action}", f"Status: {status}"]
    return "\n".join([*lines, *([f"Diagnostic-Code: smtp; {diagnostic}"] if diagnostic else [])])


# Exim says 5.0.0 whatever happened; the reason stands in the diagnostic, or in the words alone.
EXIM = dsn(
    group("5.0.0"),
    head=f"X-Failed-Recipients: {READER}\n",
    words="This message was created automatically by mail delivery software.\n\n"
    f"A message that you sent could not be delivered to one or more of its recipients.\n\n  {READER}\n"
    "    Unrouteable address",
)

QMAIL = f"""\
Return-Path: <>
From: MAILER-DAEMON@mail.example.org
To: {VERP}
Subject: failure notice
Date: 2 Mar 2026 09:00:05 -0000

Hi. This is the qmail-send program at mail.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{READER}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{SENT}""".encode()

# The same program about a full mailbox, to an address without VERP: the copy in the text tells the message.
QMAIL_FULL = (
    QMAIL.replace(VERP.encode(), b"bounces@acme.example")
    .replace(b"Sorry, no mailbox here by that name. (#5.1.1)", b"The user is over quota: mailbox full.")
    .replace(b"failure notice", b"Failure Notice")
)

OLD_EXIM = f"""\
Return-Path: <>
X-Failed-Recipients: {READER}
From: Mail Delivery System <Mailer-Daemon@mx.example.org>
To: {VERP}
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {READER}
    SMTP error from remote mail server after RCPT TO:<{READER}>:
    host mx.example.org [192.0.2.7]: 550 <{READER}>: Recipient unknown

------ This is a copy of the message, including all the headers. ------

{SENT}""".encode()

# Nobody's format: only that it is about a message of ours lets it be believed.
HOMEMADE = f"""\
Return-Path: <>
From: postmaster@example.org
To: {VERP}
Subject: Problem

Dear sender,
we could not hand your mail over: the account has been disabled.
""".encode()

POSTFIX_WARNING = dsn(
    group("4.4.1", "", action="delayed")
    + "\nDiagnostic-Code: X-Postfix; connect to mx.example.org[192.0.2.7]:25: Connection timed out",
    words="THIS IS A WARNING ONLY. YOU DO NOT NEED TO RESEND YOUR MESSAGE.",
)


def feedback(kind: str = "abuse", *, returned: str = SENT, fields: str = "") -> bytes:
    """A complaint as RFC 5965 has it."""
    return f"""\
Return-Path: <fbl@provider.example>
From: <abusedesk@provider.example>
To: <abuse@acme.example>
Subject: FW: Welcome
Message-ID: <feedback.1@provider.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_f"

--=_f
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for an email message received from IP 192.0.2.1.

--=_f
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{fields}
--=_f
Content-Type: message/rfc822
Content-Disposition: inline

{returned}
--=_f--
""".encode()


def answer(
    text: str = "Yes please, call me.",
    *,
    head: str = "",
    to: str = "help@acme.example",
    in_reply_to: str | None = f"<{MESSAGE_ID}@acme.example>",
    subject: str = "Re: Welcome",
    sender: str = f"Grace <{READER}>",
) -> bytes:
    """An answer; a person's unless `head` says otherwise."""
    reference = f"In-Reply-To: {in_reply_to}\n" if in_reply_to else ""
    return f"""\
Return-Path: <{READER}>
From: {sender}
To: {to}
Subject: {subject}
Message-ID: <answer.1@example.org>
{reference}{head}MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

{text}
""".encode()


def encoded_report() -> bytes:
    """A report whose parts were encoded by a gateway, against RFC 2046 5.2.1."""
    fields = f"Reporting-MTA: dns; gw.example.org\n\n{group('5.1.1', '550 5.1.1 User unknown')}\n"
    parts = (("message/delivery-status", fields), ("message/rfc822", SENT))
    encoded = "".join(
        f"--b\nContent-Type: {kind}\nContent-Transfer-Encoding: base64\n\n"
        f"{base64.encodebytes(text.encode()).decode()}\n"
        for kind, text in parts
    )
    return f"""\
Return-Path: <>
From: postmaster@gw.example.org
To: bounces@acme.example
Subject: Delivery Status Notification (Failure)
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

{encoded}--b--
""".encode()
