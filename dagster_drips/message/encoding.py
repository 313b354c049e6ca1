"""Content transfer encodings (RFC 2045) of texts that are mostly known beforehand.

Quoted-printable lets any stretch of text be encoded by itself: each ends with a line end, a soft one where the text
has none, so that stretches encoded at different times can simply be put one after another. Base64 can't do that.
"""

from __future__ import annotations

import binascii
import re
from base64 import encodebytes

_EIGHT_BIT = bytes(range(128, 256))
_LONGEST_LINE = 75  # 76 with the "=" of a soft line end (RFC 2045 6.7)
_LONGEST_PLAIN = 72
_PLAIN = re.compile(r"[!-<>-~]([ !-<>-~]*[!-<>-~])?")
# Text without spaces, tabs and line ends, such as an address: it may be cut anywhere.
_BARE = re.compile(r"[!-<>-~]+")
_SOFT_END = b"=\r\n"


def is_mostly_ascii(text: str) -> bool:
    """Whether quoted-printable is the shorter of the two: fewer than one byte in six has eight bits."""
    if text.isascii():
        return True
    data = text.encode()
    return (len(data) - len(data.translate(None, _EIGHT_BIT))) * 6 <= len(data)


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76 characters, each with its CRLF."""
    return encodebytes(data).replace(b"\n", b"\r\n")


def quoted_printable(text: str) -> bytes:
    """A stretch of text; any line ends in it become CRLF, its own end is a line end too."""
    if len(text) <= _LONGEST_PLAIN and _PLAIN.fullmatch(text):
        return text.encode("ascii") + _SOFT_END
    if not text:
        return b""
    if _BARE.fullmatch(text):
        bare = text.encode("ascii")
        starts = range(0, len(bare), _LONGEST_LINE)
        return b"".join([bare[start : start + _LONGEST_LINE] + _SOFT_END for start in starts])
    lines = canonical_lines(text).encode()
    if lines.endswith(b"\r\n"):
        return binascii.b2a_qp(lines, istext=True)
    # binascii writes its soft line ends like the first line end of the data, so there has to be one.
    encoded = binascii.b2a_qp(lines + b"\r\n", istext=True)[:-2]
    last = encoded.rfind(b"\n") + 1
    if len(encoded) - last > _LONGEST_LINE:
        cut = len(encoded) - 3
        if (start := encoded.rfind(b"=", cut - 2, cut)) >= 0:
            cut = start  # never within an =XX
        encoded = encoded[:cut] + _SOFT_END + encoded[cut:]
    return encoded + _SOFT_END


def canonical_lines(text: str) -> str:
    """The text with CRLF as its only line ends (RFC 2045 2.7)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\n", "\r\n")
