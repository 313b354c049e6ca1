"""The bytes of a message, read back by another reader."""

from datetime import datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_drips.links.message_links import LinkMaker, Links
from dagster_drips.message.content import RenderedMessage
from dagster_drips.message.mime import AddressError, Sender, build_message, parse_address
from dagster_drips.message.precompiled_body import CLOSE, OPEN, plain


def built(subject="Hi", html="<p>x</p>", text="x", links: Links | None = None, **options):
    given_options = {"sender": Sender("ada@acme.example", "Ada"), "recipient": "b@example.org", **options}
    return build_message(
        RenderedMessage(subject, plain(html), plain(text)),
        message_id="0" * 32,
        sequence_id="welcome",
        step_id="hello",
        links=links or LinkMaker().of_message("0" * 32, replies_to="help@acme.example"),
        date=datetime(2026, 3, 2, 9),
        **given_options,
    )


def parsed(message):
    return message_from_bytes(message.data, policy=policy.default)


# What marks a document's placeholders is no text.
texts = st.text(st.characters(codec="utf-8", exclude_characters=f"\r\n{OPEN}{CLOSE}"), max_size=400)
bodies = st.text(st.characters(codec="utf-8", exclude_characters=f"\r{OPEN}{CLOSE}"), max_size=2000)


@given(subject=texts, name=texts, body=bodies)
def test_any_text_survives_in_valid_mail(subject, name, body):
    message = built(subject=subject, html=body, text=body, sender=Sender("ada@acme.example", name))
    lines = message.data.split(b"\r\n")
    assert message.data.isascii()
    assert b"\n" not in b"".join(lines)
    assert b"\r" not in b"".join(lines)
    assert max(len(line) for line in lines if not line.startswith(b"List-Unsubscribe:")) <= 78
    read = parsed(message)
    assert not read.defects
    text, html = read.iter_parts()
    expected = body.rstrip("\n").replace("\n", "\r\n") + "\r\n"
    assert text.get_payload(decode=True) == html.get_payload(decode=True) == expected.encode()
    assert [address.addr_spec for address in read["From"].addresses] == ["ada@acme.example"]


@pytest.mark.parametrize(
    "subject",
    [
        "Hi",
        "Grüße aus Köln",
        "ä" * 300,
        "word " * 60,
        "x" * 2000,
        "=?utf-8?q?fake?=",
        "日本語の件名です" * 20,
        "🎉 Party",
    ],
)
def test_a_subject_reads_as_it_was_written(subject):
    assert parsed(built(subject=subject))["Subject"] == subject.strip()


@pytest.mark.parametrize(
    "name", ["Ada Lovelace", "Lovelace, Ada", 'Ada "the first"', "Jürgen Groß, Köln", "a\\b", "x@y"]
)
def test_a_senders_name_reads_as_it_was_written(name):
    [address] = parsed(built(sender=Sender("ada@acme.example", name)))["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "ada@acme.example")


def test_line_breaks_in_names_and_subjects_make_no_headers():
    message = built(subject="a\r\nBcc: x@example.org", sender=Sender("ada@acme.example", "A\r\n\r\nevil"))
    assert parsed(message).keys() == parsed(built()).keys()


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "@example.org", "a@", "a b@example.org", "a@b\r\nBcc: c@d", "a@example.org,b@example.org", "<a@b.c>",
     "a@-x.org", "a..b@example.org", "a@" + "x" * 300 + ".org", "a@exa mple.org", "a\x00@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address):
    with pytest.raises(AddressError):
        built(recipient=address)


def test_a_foreign_domain_travels_in_ascii():
    message = built(recipient=" Ada@Straße.example ", sender=Sender("ada@köln.example"))
    assert (message.recipient, message.needs_smtputf8) == ("Ada@xn--strae-oqa.example", False)
    assert parsed(message)["Message-ID"] == f"<{'0' * 32}@xn--kln-sna.example>"


def test_a_foreign_local_part_needs_smtputf8():
    assert built(recipient="jörg@example.org").needs_smtputf8
    assert parse_address("o'brien+x@example.org").address == "o'brien+x@example.org"


def test_a_long_unsubscribe_address_is_not_broken():
    target = "https://mail.acme.example/u/" + "t" * 200
    links = Links(target, target, "", (target, "mailto:help@acme.example"))
    message = built(links=links)
    assert f"<{target}>".encode() in message.data
    assert parsed(message)["List-Unsubscribe"] == f"<{target}>, <mailto:help@acme.example>"


def test_one_click_is_promised_only_where_an_https_address_takes_it():
    mailto = "mailto:help@acme.example"
    for target, promised in (("https://mail.acme.example/u/t", "List-Unsubscribe=One-Click"), (mailto, None)):
        message = parsed(built(links=Links(target, target, "", (target, mailto))))
        assert message["List-Unsubscribe-Post"] == promised
