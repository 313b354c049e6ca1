"""Tokens: what was signed is read back, and nothing else is."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_drips.tracking.tokens import BadToken, Tokens

KEY = "a key of some thirty-two characters"
ID = "0123456789abcdef" * 2


@given(message_id=st.one_of(st.just(ID), st.text(min_size=1, max_size=40)), url=st.text(max_size=300))
def test_whatever_is_signed_is_read_back(message_id, url):
    tokens = Tokens([KEY])
    assert tokens.read_message(tokens.message(message_id)) == message_id
    assert tokens.read_url(tokens.url(url)) == url


def test_a_message_is_not_taken_for_an_address_nor_the_other_way():
    tokens = Tokens([KEY])
    with pytest.raises(BadToken):
        tokens.read_url(tokens.message(ID))
    with pytest.raises(BadToken):
        tokens.read_message(tokens.url("https://acme.example"))


@given(place=st.integers(0, 70), character=st.sampled_from("AZaz09_-.~"))
def test_a_token_with_one_character_changed_is_refused(place, character):
    tokens = Tokens([KEY])
    token = tokens.message(ID)
    forged = token[: place % len(token)] + character + token[place % len(token) + 1 :]
    if forged == token:
        return
    with contextlib.suppress(BadToken):
        assert tokens.read_message(forged) == ID, "only spare bits of the last character may differ"


@pytest.mark.parametrize("token", ["", ".", "a.b", "äöü", "x" * 5000, "AAAA.AAAA.AAAA"])
def test_what_is_no_token_is_refused(token):
    with pytest.raises(BadToken):
        Tokens([KEY]).read_message(token)


@pytest.mark.parametrize("length", range(0, 49, 4))
def test_a_cut_token_is_refused(length):
    tokens = Tokens([KEY])
    with pytest.raises(BadToken):
        tokens.read_message(tokens.message(ID)[:length])


def test_the_first_key_signs_and_all_verify_so_that_keys_can_be_changed():
    old, new = Tokens(["old"]), Tokens(["new", "old"])
    assert new.read_message(old.message(ID)) == ID
    assert Tokens(["new"]).read_message(new.message(ID)) == ID
    with pytest.raises(BadToken):
        Tokens(["new"]).read_message(old.message(ID))
