"""What is kept of a server's words can be shown to anybody."""

import pytest

from dagster_drips.smtp.reply_text import LONGEST_TEXT, shown


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (b"2.0.0 Ok: queued as 4F1", "2.0.0 Ok: queued as 4F1"),
        (b"  two\r\n lines\tand a tab ", "two lines and a tab"),
        (b"\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
        (b"\x9b31m \xc2\x9b1m", r"\x9b31m \x9b1m"),
        (b"a\0b\x08c\x7f", r"a\x00b\x08c\x7f"),
        ("right\u202eto left\u2066\u200b", r"right\u202eto left\u2066\u200b"),
        ("lines\u2028and\u2029so", "lines and so"),
        ("Größe, 日本語, пример", "Größe, 日本語, пример"),
        (b"gr\xfc\xdfe", r"gr\xfc\xdfe"),
        ("\ud800", r"\ud800"),
    ],
)
def test_controls_and_marks_are_shown_as_text(words, text):
    assert shown(words) == text


@pytest.mark.parametrize("words", [b"x" * 10**7, "\x1b" * 10**6, b" " * 10**7, b"\xff" * 10**6, "é" * 10**6])
def test_it_is_short_and_can_be_printed(words):
    assert len(shown(words)) <= LONGEST_TEXT
    assert shown(words).isprintable()
