"""Wishes to be left alone, as people write them, and what only looks like one."""

from __future__ import annotations

import pytest

from dagster_drips.inbox.unsubscribe_requests import asks_to_unsubscribe, message_in_subject

from .mails import MESSAGE_ID

WISHES = [
    "Unsubscribe",
    "please unsubscribe me!",
    "Unsubscribe\n\nSent from my iPhone",
    "Unsubscribe\n\n-- \nAnn Lee\n+1 555",
    "Unsubscribe\nSent from my iPhone",
    "Hi Ada,\n\nPlease remove me from your mailing list.\nThanks, Ann",
    "Please unsubscribe me. I never signed up for this.",
    "I never signed up for this. Please unsubscribe me.",
    "Bitte melden Sie mich vom Newsletter ab.",
    "abmelden",
    "Bitte nehmen Sie mich aus dem Verteiler. Danke",
    "Ich möchte keine E-Mails mehr erhalten.",
    "Bitte löschen Sie meine E-Mail-Adresse aus Ihrem Verteiler.",
    "Désabonnez-moi svp",
    "Merci de me désabonner de cette liste",
    "Veuillez me retirer de votre liste de diffusion",
    "Je ne souhaite plus recevoir vos emails",
    "Por favor, denme de baja",
    "No quiero recibir más correos",
    "quiero darme de baja de la lista",
    "Cancellatemi per favore",
    "Vi prego di cancellarmi dalla newsletter",
    "Non voglio più ricevere email",
    "Graag uitschrijven",
    "Schrijf mij uit a.u.b.",
    "Ik wil geen mails meer ontvangen",
    "Por favor, me remova da lista",
    "Gostaria de cancelar a minha inscrição",
    "Proszę o wypisanie z newslettera",
    "Proszę mnie usunąć z listy mailingowej",
    "Avregistrera mig tack",
    "Ta bort mig från er lista",
    "Afmeld mig venligst",
    "配信停止",
    "配信停止してください",
    "メルマガの配信を停止してください",
    "退订",
    "请取消订阅",
    "수신거부 해주세요",
    "Отпишите меня, пожалуйста",
    "stop",
    "STOP",
    "Remove",
    "Take me off this list",
    "Stop emailing me",
    "please stop sending me emails",
    "No more emails please",
    "Can you please remove me from your list?",
    "I would like to unsubscribe from this list",
    "Opt out",
    "opt-out please",
    "Do not contact me again.",
    "Don't email me anymore",
    "I no longer wish to receive these emails.",
    "Abmeldung Newsletter",
    "Bitte um Abmeldung",
    "Fjern meg fra listen",
    "Meld meg av",
    "Peruuta tilaus",
    "Odhlaste mě prosím",
    "REMOVE ME FROM YOUR LIST!!!",
    "Hello, unsubscribe me please",
    "Unsubscribe.\n\nThis email and any attachments are confidential and may be privileged.",
    "Keine Mails mehr bitte!",
    "Bitte keine weiteren E-Mails",
    "Unsuscribe",
    "plz unsub",
    "Please unsubscribe ann@x.example",
    "Remove ann@x.example from your list",
]
ANSWERS = [
    "How do I unsubscribe my colleague?",
    "Don't unsubscribe me!",
    "Yes please, call me.",
    "I can't find the unsubscribe link, but I like your product",
    "Stop by our booth!",
    "Please remove the bug from your product",
    "Wie kann ich mich abmelden?",
    "Comment se désabonner ?",
    "Yes, call me\n\nAcme Inc\nUnsubscribe from this list | Preferences",
    "Is there a way to cancel my order?",
    "How can I stop the service?",
    "I want to cancel my order",
    "配信停止の方法を教えてください",
    "Nein, ich möchte mich nicht abmelden",
    "no",
    "No, thank you for the call, talk on Monday",
    "Can you delete my colleague Bob?",
    "We would like to buy 20 licences",
    "Please send me more emails",
    "Thank you",
    "Merci",
    "Unsubscribe?",
    "",
    "Do not remove me from the list",
    "I don't want to unsubscribe",
    "Please don't remove me",
    "Bitte nicht abmelden",
    "Afmelden? Nee niet afmelden",
    "Melden Sie mich an",
    "Ne me désabonnez pas",
    "Bitte melden Sie sich bei mir",
    "Keine Fragen mehr",
]
LINKS = [
    "unsubscribe {}",
    "[EXTERNAL] unsubscribe {}",
    "***SPAM*** unsubscribe {}",
    "{{Spam?}} unsubscribe {}",
    "EXTERNAL: unsubscribe {}",
    "[SPAM?] [EXT] Fwd: unsubscribe {}",
    "FW: unsubscribe {}",
    "unsubscribe%20{}",
    "unsubscribe=20{}",
    "unsubscribe&#32;{}",
    "Unsubscribe+{}",
    "unsubscribe_{}",
    "unsubscribe{}",
    '"unsubscribe {}"',
    "\u201cunsubscribe {}\u201d",
    "unsubscribe: <{}>",
    "UNSUBSCRIBE {} (was: Welcome)",
    "Abmelden {}",
]


@pytest.mark.parametrize("text", WISHES)
def test_a_request_is_taken_in_the_words_of_many_languages(text: str) -> None:
    assert asks_to_unsubscribe("Re: Welcome", text)


@pytest.mark.parametrize("text", ANSWERS)
def test_what_only_speaks_of_it_is_an_answer(text: str) -> None:
    assert not asks_to_unsubscribe("Re: Welcome", text)


@pytest.mark.parametrize("subject", LINKS)
def test_the_id_behind_the_word_is_proof_enough_whatever_programs_made_of_the_subject(subject: str) -> None:
    assert message_in_subject(subject.format(MESSAGE_ID)) == MESSAGE_ID
    assert message_in_subject(subject.format(MESSAGE_ID.upper())) == MESSAGE_ID


def test_an_id_that_was_broken_in_two_is_put_together() -> None:
    assert message_in_subject(f"unsubscribe {MESSAGE_ID[:16]} {MESSAGE_ID[16:]}") == MESSAGE_ID


@pytest.mark.parametrize("subject", [f"Re: unsubscribe {MESSAGE_ID}", "unsubscribe abc", f"Welcome {MESSAGE_ID}"])
def test_an_answer_to_it_and_a_bare_id_are_no_links_mail(subject: str) -> None:
    assert message_in_subject(subject) is None


@pytest.mark.parametrize(
    ("subject", "is_request"),
    [
        *[(subject, True) for subject in ("Unsubscribe", "Re: Unsubscribe", "AW: Abmelden", "[EXT] STOP", "STOPP")],
        *[(subject, False) for subject in ("Re: Stop", "Re: Welcome", "How to unsubscribe")],
    ],
)
def test_a_subject_may_be_the_request(subject: str, is_request: bool) -> None:
    assert asks_to_unsubscribe(subject, "") is is_request
