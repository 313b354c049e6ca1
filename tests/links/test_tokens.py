"""Tokens: what was made is read back for what it was made for, and nothing else is."""

import contextlib
from base64 import urlsafe_b64encode
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from dagster_drips.links.tokens import BadToken, Purpose, Tokens

KEY = "a key of some thirty-two characters"
ID = "0123456789abcdef" * 2
PURPOSES = st.sampled_from(Purpose)


def old_token(message_id: str = ID) -> str:
    """As tokens were before they had purposes."""
    packed = urlsafe_b64encode(bytes.fromhex(message_id)).rstrip(b"=")
    return Signer(KEY, salt="drips.message").sign(packed).decode()


@given(message_id=st.one_of(st.just(ID), st.text(min_size=1, max_size=40)), purpose=PURPOSES, url=st.text(max_size=300))
def test_whatever_is_made_is_read_back(message_id, purpose, url):
    tokens = Tokens([KEY])
    assert tokens.read_message(tokens.message(message_id, purpose), purpose) == message_id
    assert tokens.read_url(tokens.url(url)) == url


@pytest.mark.parametrize(("made_for", "used_for"), list(permutations(Purpose, 2)))
def test_a_token_of_one_purpose_is_refused_by_every_other(made_for, used_for):
    tokens = Tokens([KEY])
    with pytest.raises(BadToken):
        tokens.read_message(tokens.message(ID, made_for), used_for)


@given(purpose=PURPOSES)
def test_a_token_does_not_tell_its_message(purpose):
    token = Tokens([KEY]).message(ID, purpose)
    assert urlsafe_b64encode(bytes.fromhex(ID)).decode()[:8] not in token
    assert len(token) == 43, "what every link of every mail carries"


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_of_before_there_were_purposes_is_read_for_all_that_it_was_made_for(purpose):
    tokens = Tokens(["new", KEY])
    if purpose is Purpose.CONFIRM:
        with pytest.raises(BadToken):
            tokens.read_message(old_token(), purpose)
    else:
        assert tokens.read_message(old_token(), purpose) == ID


@given(purpose=PURPOSES)
def test_a_message_is_not_taken_for_an_address_nor_the_other_way(purpose):
    tokens = Tokens([KEY])
    with pytest.raises(BadToken):
        tokens.read_url(tokens.message(ID, purpose))
    with pytest.raises(BadToken):
        tokens.read_message(tokens.url("https://acme.example"), purpose)


@given(purpose=PURPOSES, place=st.integers(0, 70), character=st.sampled_from("AZaz09_-.~"))
def test_a_token_with_one_character_changed_is_refused(purpose, place, character):
    tokens = Tokens([KEY])
    for token in (tokens.message(ID, purpose), old_token()):
        forged = token[: place % len(token)] + character + token[place % len(token) + 1 :]
        if forged == token:
            continue
        with contextlib.suppress(BadToken):
            assert tokens.read_message(forged, purpose) == ID, "only spare bits of the last character may differ"


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("token", ["", ".", "a", "a.b", "äöü", "x" * 5000, "AAAA.AAAA.AAAA", "A" * 43])
def test_what_is_no_token_is_refused(token, purpose):
    with pytest.raises(BadToken):
        Tokens([KEY]).read_message(token, purpose)


@pytest.mark.parametrize("length", range(0, 43, 4))
def test_a_cut_token_is_refused(length):
    tokens = Tokens([KEY])
    with pytest.raises(BadToken):
        tokens.read_message(tokens.message(ID, Purpose.VIEW)[:length], Purpose.VIEW)


def test_the_first_key_makes_and_all_are_tried_so_that_keys_can_be_changed():
    old, new = Tokens(["old"]), Tokens(["new", "old"])
    assert new.read_message(old.message(ID, Purpose.VIEW), Purpose.VIEW) == ID
    assert Tokens(["new"]).read_message(new.message(ID, Purpose.VIEW), Purpose.VIEW) == ID
    with pytest.raises(BadToken):
        Tokens(["new"]).read_message(old.message(ID, Purpose.VIEW), Purpose.VIEW)


@given(url=st.text(st.characters(codec="utf-8"), max_size=200))
def test_an_addresses_token_is_the_one_that_itsdangerous_signs(url):
    packed = urlsafe_b64encode(url.encode()).rstrip(b"=")
    assert Tokens(["new", "old"]).url(url).encode() == Signer(["old", "new"], salt="drips.url").sign(packed)
