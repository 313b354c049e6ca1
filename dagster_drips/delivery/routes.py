"""Which way a sender's mail goes: servers in order, return path, signature, limits.

Here the identities that the tick took over from `sequences/senders.yml` meet the servers and keys of the environment.
A sender without an identity goes by the project's servers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_drips.addresses import address_of, is_reserved
from dagster_drips.delivery.rate_limits import Limit, RateLimiter
from dagster_drips.errors import DripsError
from dagster_drips.message.provider_headers import headers_for, provider_of
from dagster_drips.settings import Settings, SmtpServer, setting_name
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

if TYPE_CHECKING:
    from dagster_drips.message.dkim import Signer

_STATEMENTS = named_statements(Path(__file__).with_name("due_messages.sql"))


@dataclass(frozen=True)
class Route:
    """How a sender's messages travel; `servers` are names in the order in which they are tried."""

    servers: tuple[str, ...]
    return_path: str | None = None
    verp: bool = True
    signer: Signer | None = None
    hosts: tuple[str, ...] = ()
    """Of those servers that want a header of their own, to name the message in what they report."""
    reserved_only: bool = False
    """The sender is an example's (RFC 2606) and a server is not on this machine: no mail to anybody real."""

    def may_reach(self, recipient: str) -> bool:
        """Whether its mail may go to that address or domain."""
        return not self.reserved_only or is_reserved(recipient)

    def provider_headers(self, message_id: str) -> dict[str, str]:
        """What providers on the way need beside our own headers."""
        return {name: value for host in self.hosts for name, value in headers_for(host, message_id).items()}


class Routes:
    """The routes of all senders that have something due.

    Args:
        warehouse: with the identities of this tick.
        settings: servers and keys by name.
        senders: addresses that are to send; None: those of what is due.
        limiter: makes what keeps to the limits of senders and domains.

    Raises:
        DripsError: no server is set at all, one that is named is not, or a key can't be read.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        settings: Settings,
        senders: Sequence[str] | None = None,
        *,
        limiter: Callable[[Mapping[str, Limit], Mapping[str, Limit]], RateLimiter] = RateLimiter,
    ):
        self._settings = settings
        self.servers: dict[str, SmtpServer] = {}
        """Those that a route names, by name."""
        rows = warehouse.rows(_STATEMENTS["identities"])
        self._identities: dict[str, Mapping[str, Any]] = {row["address"]: row for row in rows}
        self._common = tuple(warehouse.value(_STATEMENTS["servers"]) or ("default",))
        self._routes: dict[str, Route] = {}
        self.rate_limiter = limiter(
            {row["address"]: Limit(row["rate"], row["connections"]) for row in rows},
            {row["domain"]: Limit(row["rate"], row["connections"]) for row in warehouse.rows(_STATEMENTS["domains"])},
        )
        if senders is None:
            senders = [row["sender_email"] for row in warehouse.rows(_STATEMENTS["senders"])]
        for sender in senders:
            self.of(sender)

    def of(self, email: str) -> Route:
        """A sender's route."""
        route = self._routes.get(email)
        if route is None:
            route = self._routes[email] = self._made(address_of(email))
        return route

    @property
    def ways(self) -> list[tuple[str, ...]]:
        """The servers of each route, every way once."""
        return list(dict.fromkeys(route.servers for route in self._routes.values()))

    def _made(self, address: str) -> Route:
        identity = self._identities.get(address)
        names = tuple(identity["servers"]) if identity else self._common
        for name in names:
            self.servers[name] = self._server(name)
        hosts = tuple(host for name in names if provider_of(host := self.servers[name].host))
        reserved_only = is_reserved(address) and not all(self.servers[name].is_loopback for name in names)
        if identity is None:
            return Route(names, hosts=hosts, reserved_only=reserved_only)
        signer = self._signer(identity, names)
        return Route(names, identity["return_path"], identity["verp"], signer, hosts, reserved_only)

    def _signer(self, identity: Mapping[str, Any], names: tuple[str, ...]) -> Signer | None:
        if identity["dkim_selector"] is None:
            return None
        key = self._settings.dkim_key_of(identity["sender_id"])
        if key is not None:
            # Imported late: it brings a DNS library along, which would cost every tick its time.
            from dagster_drips.message.dkim import Signer

            return Signer(identity["dkim_domain"], identity["dkim_selector"], key.get_secret_value())
        if all(self.servers[name].is_loopback for name in names):
            return None  # a trial on this machine
        variable = f"DRIPS_DKIM_KEY_{setting_name(identity['sender_id']).upper()}"
        raise DripsError(f"sender {identity['sender_id']} is to be signed for and has no key: set {variable}")

    def _server(self, name: str) -> SmtpServer:
        server = self._settings.smtp_server_named(name)
        if server is not None:
            return server
        if name == "default":
            raise DripsError("no mail server is set: put DRIPS_SMTP_URL into the environment or the project's .env")
        variable = f"DRIPS_SMTP_URL_{setting_name(name).upper()}"
        raise DripsError(f"no mail server '{name}' is set: put {variable} into the environment or the project's .env")
