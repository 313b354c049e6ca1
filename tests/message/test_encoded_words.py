"""Encoded words: the same as Python's own, and read back as what was written."""

from email.charset import SHORTEST, Charset
from email.header import Header, decode_header, make_header

from hypothesis import example, given
from hypothesis import strategies as st

from dagster_drips.message.encoded_words import LONGEST_LINE, encoded_words

# Anybody in the process may change what email.charset says of UTF-8, and apprise does.
UTF_8 = Charset("utf-8")
UTF_8.header_encoding = SHORTEST
texts = st.text(
    st.one_of(st.sampled_from("aaaaaaaaaa  =?_-é€🎉日"), st.characters(codec="utf-8", categories=["L", "N", "P", "S"])),
    min_size=1,
    max_size=300,
).map(lambda text: " ".join(text.split()))


@given(text=texts.filter(bool), name=st.sampled_from(["Subject", "From"]))
@example(text="x" * 54, name="Subject")
@example(text="x" * 55, name="Subject")
@example(text="日" * 13, name="Subject")
@example(text="日" * 14, name="Subject")
@example(text="é" * 300, name="From")
@example(text="a" * 200 + "🎉", name="From")
@example(text="=?utf-8?q?fake?=", name="Subject")
def test_words_are_those_of_pythons_own_header(text, name):
    words = encoded_words(text, before=len(name) + 2)
    assert words == Header(text, UTF_8, maxlinelen=LONGEST_LINE, header_name=name).encode(linesep="\r\n")
    assert str(make_header(decode_header(words))) == text
    lines = f"{name}: {words}".split("\r\n")
    assert max(map(len, lines)) <= LONGEST_LINE
