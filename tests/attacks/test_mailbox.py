"""The mailbox: what anybody may send to it costs a second at most, loses no wish, and stops no other mail."""

from __future__ import annotations

import pytest

from attacks.hostile_mails import MESSAGE_ID, SHAPES
from dagster_drips.inbox.classification import Finding
from dagster_drips.inbox.judging import Judge, judged

ANSWER = f"""\
From: Ann <ann@x.example>
To: help@acme.example
Subject: Re: Welcome
Message-ID: <r1@x.example>
In-Reply-To: <{MESSAGE_ID}@acme.example>
Content-Type: text/plain; charset=utf-8
"""
JMRP = f"""\
From: staff@hotmail.com
To: bounces@mail.acme.example
Subject: complaint about message from 192.0.2.10
Message-ID: <c1@hotmail.example>
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: message/rfc822

From: Acme <hello@acme.example>
To: ann@x.example
Subject: Welcome
Message-ID: <{MESSAGE_ID}@acme.example>
X-Drips-Message-Id: {MESSAGE_ID}

Hi
--b--
"""


def report(
    words: str, *, author: str = "MAILER-DAEMON@mx.example", head: str = "Auto-Submitted: auto-replied\n"
) -> str:
    return f"""\
Return-Path: <>
Delivered-To: bounces+{MESSAGE_ID}@mail.acme.example
From: {author}
Subject: There was an error sending your mail
Message-ID: <t1@mx.example>
{head}Content-Type: text/plain

{words}
"""


def finding(content: str) -> Finding:
    found = judged(content.encode()).finding
    assert found is not None
    return found


@pytest.fixture(scope="module")
def judge():
    with Judge() as running:
        yield running


@pytest.mark.parametrize("shape", SHAPES)
def test_no_mail_costs_more_than_a_second_however_large_it_is(judge: Judge, shape: str) -> None:
    """The kernel ends the worker at a second of CPU: a mail that took quadratic time would have no finding."""
    for size in (100_000, 1_000_000):
        found = judge.judge(SHAPES[shape](size)[: 1024 * 1024])
        assert "CPU" not in (found.error or ""), (shape, size)


def test_a_mail_that_costs_more_is_told_and_the_next_is_judged() -> None:
    with Judge(cpu_seconds=0.005) as running:
        assert running.judge(SHAPES["quote signs"](1_000_000)).error == "it takes more than 0.005 s of CPU to read"
    with Judge() as running:
        assert running.judge(b"\x00" * 100).error is None
        assert running.judge(ANSWER.encode() + b"\nYes.\n").finding == Finding("replied", MESSAGE_ID, None, "Yes.")


@pytest.mark.parametrize(
    "below",
    [
        "\nSent from my iPhone",
        "Sent from my iPhone",
        "\n-- \nAnn Lee\n+1 555 0100",
        "Ann Lee\nDirector",
        "\nGet Outlook for iOS",
        "\nVon meinem iPhone gesendet",
        "\nThis email and any attachments are confidential.",
        "\nOn Mon, Mar 2, 2026 at 9:00 AM Ada <ada@acme.example> wrote:\n> Hello",
    ],
)
def test_a_wish_with_a_programs_line_below_is_a_wish(below: str) -> None:
    assert finding(f"{ANSWER}\nUnsubscribe\n{below}\n").kind == "unsubscribed"


@pytest.mark.parametrize("head", ["", "Auto-Submitted: auto-replied\n", "Auto-Submitted: auto-generated\n"])
def test_the_mail_of_an_unsubscribe_link_is_a_wish_whatever_wrote_it(head: str) -> None:
    """Apple's mail program says auto-replied of the unsubscribes that it writes, Gmail's auto-generated."""
    mail = f"From: a@x.example\nSubject: [EXTERNAL] unsubscribe {MESSAGE_ID}\n{head}\nPlease take me off.\n"
    assert finding(mail) == Finding("unsubscribed", MESSAGE_ID, None, "by mail")


def test_an_id_in_the_text_will_do_where_a_program_has_dropped_the_subject() -> None:
    assert finding(f"From: a@x.example\n\nunsubscribe {MESSAGE_ID}\n").message_id == MESSAGE_ID


def test_a_wish_that_names_no_message_is_no_strangers_mail() -> None:
    assert finding("From: a@x.example\nSubject: Unsubscribe\n\nplease\n") == Finding(
        "unsubscribed", None, None, "answered: please"
    )


@pytest.mark.parametrize("author", ["staff@hotmail.com", "scomp@aol.net", "fbl@isp.example", "1@reports.spamcop.net"])
def test_a_complaint_without_a_report_is_one_where_it_brings_back_our_message(author: str) -> None:
    found = finding(JMRP.replace("staff@hotmail.com", author))
    assert (found.kind, found.message_id) == ("complained", MESSAGE_ID)


def test_a_person_who_forwards_our_message_complains_of_nothing() -> None:
    forwarded = JMRP.replace("staff@hotmail.com", "Ann <ann@x.example>").replace("complaint about message", "Fwd: news")
    assert (finding(forwarded).kind, finding(forwarded).message_id) == ("not_understood", MESSAGE_ID)


@pytest.mark.parametrize(
    ("words", "bounce_class"),
    [
        ("The server rejected recipient <ann@x.example>. It responded: [550 5.1.1 User unknown]", "hard"),
        ("Remote host said: 554 Zut alors", "soft"),
        ("Wir bedauern.", "soft"),
    ],
)
def test_a_text_of_a_mail_system_is_a_bounce_though_it_calls_itself_an_answer(words: str, bounce_class: str) -> None:
    found = finding(report(words))
    assert (found.kind, found.bounce_class, found.message_id) == ("bounced", bounce_class, MESSAGE_ID)


def test_a_persons_program_that_tells_of_a_mailbox_is_no_bounce() -> None:
    absent = report("I am no longer with us, my mailbox is disabled; call +1 550 1234", author="Bob <bob@x.example>")
    absent = absent.replace("There was an error sending your mail", "Automatic reply: Welcome")
    assert finding(absent).kind == "auto_replied"


@pytest.mark.parametrize(
    "subject",
    [
        *("Automatic reply: Welcome", "Out of Office: Welcome", "Re: Out of office", "OOO Re: Welcome"),
        *("Abwesenheitsnotiz", "Automatische Antwort: Welcome", "Im Urlaub", "Réponse automatique : Welcome"),
        *("Absence du bureau", "Respuesta automática", "Fuera de la oficina", "Risposta automatica", "Fuori ufficio"),
        *("Automatisch antwoord", "Afwezig", "Resposta automática", "Ausência", "Odpowiedź automatyczna", "Autosvar"),
        *("Frånvaro", "Fravær", "Automaattinen vastaus", "自動応答", "不在通知", "自动回复", "자동 응답", "Автоответ"),
        *("Automatická odpověď", "Automatikus válasz", "Otomatik yanıt"),
    ],
)
def test_an_answer_of_a_program_is_told_by_its_subject_in_many_languages(subject: str) -> None:
    mail = ANSWER.replace("Re: Welcome", subject) + "\nI am away until Monday.\n"
    assert finding(mail) == Finding("auto_replied", MESSAGE_ID)


def test_an_answer_that_came_by_way_of_a_shared_address_is_a_persons() -> None:
    mail = f"List-Id: <help.acme.example>\nPrecedence: list\n{ANSWER}\nYes, call me.\n"
    assert finding(mail) == Finding("replied", MESSAGE_ID, None, "Yes, call me.")
