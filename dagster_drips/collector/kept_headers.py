"""Which headers of a request are kept beside its body: those that are named, and no others.

A list of what to leave out forgets the next provider's own header with a secret in it. What is kept is what the body
means nothing without, and what a signature can be checked with again by who knows the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_ALWAYS = frozenset({"content-type", "content-encoding", "user-agent"})
# They hold secrets by their definition (RFC 9110, RFC 6265), whoever names them.
_NEVER = frozenset({"authorization", "proxy-authorization", "cookie"})
_LONGEST = 2_000


def kept_headers(headers: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """The headers to keep, by lower-case name.

    Args:
        headers: all that came, by lower-case name.
        names: those that this sender's requests need, in any case of letters: of signatures and their times, of events.
    """
    wanted = (_ALWAYS | {name.lower() for name in names}) - _NEVER
    return {name: headers[name][:_LONGEST] for name in sorted(wanted) if name in headers}
