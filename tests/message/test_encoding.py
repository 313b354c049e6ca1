"""Stretches of quoted-printable: each valid by itself, and read back as they were."""

import quopri

from hypothesis import example, given
from hypothesis import strategies as st

from dagster_drips.message.encoding import quoted_printable

texts = st.text(st.sampled_from("xxxxxxxxxxxxab=é. \t\n€"), max_size=400)


@given(stretches=st.lists(texts, max_size=5))
@example(stretches=["x" * 75 + "=", "x" * 76, "é" * 13])
def test_stretches_one_after_another_read_as_the_whole_text(stretches):
    encoded = b"".join(quoted_printable(text) for text in stretches)
    lines = encoded.split(b"\r\n")
    assert quopri.decodestring(encoded).decode() == "".join(stretches).replace("\n", "\r\n")
    assert max(len(line) for line in lines) <= 76
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert not any(line.endswith((b" ", b"\t")) for line in lines)
