"""Mails made to cost time: each shape at any size, for the tests of the mailbox."""

from __future__ import annotations

from collections.abc import Callable

MESSAGE_ID = "0123456789abcdef0123456789abcdef"
_OURS = f"Delivered-To: bounces+{MESSAGE_ID}@acme.example\nIn-Reply-To: <{MESSAGE_ID}@acme.example>\n"
_BOUNCED = "From: MAILER-DAEMON@mx.example\nReturn-Path: <>\nSubject: failure notice\n"


def _written(body: str, *, kind: str = "text/plain", head: str = "From: a@x.example\n") -> bytes:
    return f"{_OURS}{head}Content-Type: {kind}; charset=utf-8\n\n{body}\n".encode()


def _repeated(unit: str, **options: str) -> Callable[[int], bytes]:
    return lambda size: _written(unit * (size // len(unit.encode())), **options)


def _header(name: str, unit: str) -> Callable[[int], bytes]:
    return lambda size: f"{_OURS}{name}: {unit * (size // len(unit))}\n\nx\n".encode()


def _folded(name: str, unit: str) -> Callable[[int], bytes]:
    return lambda size: (
        f"{_OURS}{name}: x\n{f' {unit}' * 1}".encode() + f" {unit}\n".encode() * (size // len(unit)) + b"\nx\n"
    )


def _nested(size: int) -> bytes:
    parts = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (depth, depth) for depth in range(90))
    return _OURS.encode() + parts + b"a\n" * (size // 2)


def _many_parts(size: int) -> bytes:
    head = f'{_OURS}Content-Type: multipart/mixed; boundary="b"\n\n'.encode()
    return head + b"--b\n\nx\n" * (size // 7)


def _many_groups(size: int) -> bytes:
    head = f'{_OURS}{_BOUNCED}Content-Type: multipart/report; boundary="b"\n\n--b\n'.encode()
    return head + b"Content-Type: message/delivery-status\n\n" + b"A: b\n\n" * (size // 6) + b"\n--b--\n"


def _encoded_groups(size: int) -> bytes:
    head = f'{_OURS}{_BOUNCED}Content-Type: multipart/report; boundary="b"\n\n--b\n'.encode()
    kind = b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
    return head + kind + b"QTogYgoK\n" * (size // 9) + b"\n--b--\n"


def _many_headers(size: int) -> bytes:
    return _OURS.encode() + b"X-A: b\n" * (size // 7) + b"\nx\n"


def _bounce(unit: str) -> Callable[[int], bytes]:
    return _repeated(unit, head=_BOUNCED)


def _html(unit: str) -> Callable[[int], bytes]:
    return _repeated(unit, kind="text/html")


SHAPES: dict[str, Callable[[int], bytes]] = {
    "div that never ends": _html("<div "),
    "div with a class that never ends": _html('<div class="'),
    "links within links": _html("<a href=x>y"),
    "hidden elements that are closed by others": lambda size: _written(
        "<b hidden>" * (size // 20) + "</i>" * (size // 8), kind="text/html"
    ),
    "comments that never end": _html("<!-- "),
    "styles that never end": _html("<style> "),
    "blockquotes": _html("<blockquote>"),
    "entities that never end": _html("&#1"),
    "tags that are cut": _html("<"),
    "declarations": _html("<!a "),
    "introductions of quotes": _repeated("Am 1 schrieb "),
    "introductions on lines": _repeated("On 1 a <b@c> wrote\n"),
    "colons": _repeated("1:\n"),
    "one line": _repeated("a"),
    "line ends": _repeated("\n"),
    "carriage returns": _repeated("\r"),
    "spaces": _repeated(" "),
    "no-break spaces": _repeated("\u00a0"),
    "dashes": _repeated("-"),
    "underscores": _repeated("_"),
    "quote signs": _repeated(">\n"),
    "header names": _repeated("From: a\n"),
    "polite words": _repeated("please "),
    "separated verbs": _repeated("melden "),
    "addresses": _repeated("a@b "),
    "unsubscribe words": _repeated("unsubscribe 0"),
    "tags of a subject": _header("Subject", "[a] "),
    "encoded words that never end": _header("Subject", "=?a?q?"),
    "encoded words": _header("Subject", "=?utf-8?q?a?= "),
    "comments in an address": _header("From", "("),
    "addresses in a header": _header("From", "a@b, "),
    "quotes in an address": _header("From", '"\\'),
    "parameters": _header("Content-Type", ';"'),
    "parameters on lines": _folded("Content-Type", ';"a'),
    "continued parameters": _folded("Content-Type", "a*0*=b;"),
    "references": _header("References", f"<{MESSAGE_ID}@"),
    "recipients in Received": _header("Received", "for a"),
    "many headers": _many_headers,
    "nested parts": _nested,
    "many parts": _many_parts,
    "many groups of fields": _many_groups,
    "encoded groups of fields": _encoded_groups,
    "statuses": _bounce("5.1.1."),
    "reply codes": _bounce("550 "),
    "addresses in a bounce": _bounce("<a@b>:\n"),
    "no such in a bounce": _bounce("does not have a"),
    "failed recipients": _bounce("The following addresses had permanent fatal errors\n<a"),
    "one line of a bounce": _bounce("<"),
    "copies in a bounce": _bounce("> - "),
}
