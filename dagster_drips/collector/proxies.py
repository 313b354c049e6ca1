"""Who really asks, where proxies of ours stand in between: `X-Forwarded-For` as trusted proxies write it.

Each proxy appends the address of whoever connected to it, so the list is read from its end: what proxies of ours say is
believed, and the first address that is none of theirs is the client's. What stands before it anybody may have written.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from dagster_drips.errors import DripsError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LONGEST = 1_000
"""Characters of the header's end that are read."""


def networks(texts: Iterable[str]) -> list[_Network]:
    """Addresses and networks as `--trusted-proxies` has them.

    Raises:
        DripsError: one is neither; a name or `*` is not an address.
    """
    found: list[_Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise DripsError(f"--trusted-proxies: {text!r} is no address or network, such as 10.0.0.0/8") from None
    return found


class Forwarded:
    """Puts the client's address into the scope of requests that come from trusted proxies.

    Args:
        app: sees the client's address, or none where what the proxies say can't be read.
        trusted: the proxies.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[_Network]):
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            peer = scope["client"]
            given = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            if given and peer is not None and self._is_ours(address(peer[0])):
                client = self._client(b",".join(given)[-_LONGEST:].decode("latin-1"))
                scope["client"] = None if client is None else (str(client), 0)
        await self._app(scope, receive, send)

    def _client(self, text: str) -> _Address | None:
        """The last address that is no proxy of ours; where all are, the first of them."""
        found = None
        for one in reversed(text.split(",")):
            found = address(one)
            if found is None or not self._is_ours(found):
                return found
        return found

    def _is_ours(self, given: _Address | None) -> bool:
        return given is not None and any(given in network for network in self._trusted)


def address(text: str) -> _Address | None:
    """An address, which may have a port (`192.0.2.1:80`, `[2001:db8::1]:80`); None for anything else."""
    bare = text.strip()
    if bare.startswith("["):
        bare, closed, port = bare[1:].partition("]")
        if not closed or (port and not (port[0] == ":" and _is_port(port[1:]))):
            return None
    elif bare.count(":") == 1:
        bare, _, port = bare.partition(":")
        if not _is_port(port):
            return None
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return None
        return found.ipv4_mapped or found
    return found


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5
