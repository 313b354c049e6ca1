"""Asking the DNS, by dnspython: the few kinds of records that mail needs, each name once.

That there is no such record is an answer. That nobody answers is not, and is reported apart: a laptop without a network
must not read that its SPF record is missing.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import dns.exception
import dns.rdatatype
import dns.resolver
import idna

from dagster_drips.errors import DripsError

_SECONDS_A_QUESTION = 5.0
_MOST_SILENCES = 2
"""Questions in a row without any reply, after which no more are asked."""


class Unanswered(Exception):
    """The DNS could not be asked; the text says why."""


class Resolver:
    """Asks this machine's resolver or a certain one, and remembers the answers; for one thread.

    Args:
        address: `HOST:PORT` or `HOST` of a resolver, as an IP address; None: what the system is set up with.
        timeout: seconds for one question, retries included.

    Raises:
        DripsError: that is no resolver's address.
    """

    def __init__(self, address: str | None = None, *, timeout: float = _SECONDS_A_QUESTION):
        self.is_chosen = address is not None
        """Whether somebody named it: it may know names that nobody else does."""
        self._timeout = timeout
        self._answers: dict[tuple[str, str], list[Any] | Unanswered] = {}
        self._silences = 0
        self._resolver: dns.resolver.Resolver | None
        if address is None:
            try:
                self._resolver = dns.resolver.Resolver()
            except dns.resolver.NoResolverConfiguration:
                self._resolver = None
        else:
            host, port = _host_and_port(address)
            self._resolver = dns.resolver.Resolver(configure=False)
            self._resolver.nameservers = [host]
            self._resolver.port = port

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each in one piece.

        Raises:
            Unanswered: nobody could be asked.
        """
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")]

    def mail_exchangers(self, name: str) -> list[str]:
        """The hosts that take a domain's mail, the preferred first; `.` alone says that it takes none (RFC 7505).

        Raises:
            Unanswered: nobody could be asked.
        """
        found = sorted((record.preference, record.exchange.to_text()) for record in self._ask(name, "MX"))
        return [host if host == "." else host.rstrip(".") for _, host in found]

    def has_address(self, name: str) -> bool:
        """Whether the name has an A or AAAA record.

        Raises:
            Unanswered: nobody could be asked.
        """
        return bool(self._ask(name, "A") or self._ask(name, "AAAA"))

    def _ask(self, name: str, kind: str) -> list[Any]:
        key = (name.lower().rstrip("."), kind)
        if key not in self._answers:
            self._answers[key] = self._asked(*key)
        answer = self._answers[key]
        if isinstance(answer, Unanswered):
            raise answer
        return answer

    def _asked(self, name: str, kind: str) -> list[Any] | Unanswered:
        if self._resolver is None:
            return Unanswered("this machine has no resolver set up")
        if self._silences >= _MOST_SILENCES:
            return Unanswered("the resolver does not answer")
        try:
            answer = self._resolver.resolve(name + ".", kind, lifetime=self._timeout, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            self._silences = 0
            return []
        except dns.exception.Timeout:
            self._silences += 1
            return Unanswered("the resolver does not answer")
        except dns.resolver.NoNameservers as error:
            said = [attempt[3] for attempt in error.kwargs.get("errors", ())]
            codes = sorted({one if isinstance(one, str) else type(one).__name__ for one in said})
            return Unanswered("the resolver answered " + (", ".join(codes) or "with an error"))
        except dns.exception.DNSException:
            return []  # no name that the DNS could hold
        self._silences = 0
        return list(answer)


def ascii_domain(domain: str) -> str:
    """A domain as the DNS has it: lower case, international ones in ASCII (IDNA 2008), as they are where that fails."""
    try:
        return domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain.lower()


def _host_and_port(address: str) -> tuple[str, int]:
    text = address.strip()
    host, port = text, "53"
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else "53" if not rest else ""
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        ipaddress.ip_address(host)
        number = int(port)
        if not 0 < number < 65536:
            raise ValueError(port)
    except ValueError:
        raise DripsError(f"not a resolver's address: {address!r}; write it like 127.0.0.1:53") from None
    return host, number
