"""One message by itself, by its sender's own route: what is in no journal and no statistic, such as a test or a report.

Here belong whether it may go to that address, by which way, and handing it over. What is in it is its caller's matter;
batches of what is due are `dispatch`'s.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.delivery.routes import Route, Routes
from dagster_drips.errors import DripsError
from dagster_drips.message.mime import AddressError, OutgoingMessage, parse_address
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.sequences.versions import record_catalog
from dagster_drips.settings import Settings
from dagster_drips.smtp.connections import Connection, ServerUnavailable
from dagster_drips.warehouse import open_warehouse


class NotTaken(DripsError):
    """No server was up: nothing was handed over, and it may be tried again."""


def allowed_recipient(settings: Settings, to: str) -> str:
    """The address as it travels.

    Raises:
        DripsError: it is none, or `DRIPS_ONLY_TO` lets no mail go there.
    """
    try:
        recipient = parse_address(to).address
    except AddressError as error:
        raise DripsError(str(error)) from error
    if not settings.only_to.allows(recipient):
        raise DripsError(f"DRIPS_ONLY_TO lets no mail go to {recipient}")
    return recipient


@contextmanager
def way_of(catalog: Catalog, settings: Settings, sender: str) -> Generator[tuple[Route, Routes]]:
    """A sender's route by the working files' identities: in a warehouse of its own, as the project's may be busy.

    Raises:
        DripsError: no server is set, or a key can't be read.
    """
    with (
        tempfile.TemporaryDirectory(prefix="drips-single-mail-") as scratch,
        open_warehouse(Path(scratch) / "warehouse.duckdb") as warehouse,
    ):
        record_catalog(warehouse, catalog, as_of=utc_now())
        routes = Routes(warehouse, settings, [sender])
        yield routes.of(sender), routes


def require_reach(route: Route, recipient: str) -> None:
    """Nothing where the route may go to that address.

    Raises:
        DripsError: its sender is an example's.
    """
    if not route.may_reach(recipient):
        raise DripsError(
            f"its sender is at a domain reserved for examples (RFC 2606), so nothing goes to {recipient}:"
            " put an address of yours into senders.yml"
        )


def hand_over(message: OutgoingMessage, route: Route, routes: Routes) -> str:
    """Hand a message to the first server of its route that is up; returns which took it.

    Raises:
        NotTaken: none is.
        DripsError: the server refused it, or may have got it: the words say which.
    """
    reasons = []
    for name in route.servers:
        connection = Connection(routes.servers[name])
        try:
            connection.open()
            connection.hand_over(message.sender, message.recipient, message.data, smtputf8=message.needs_smtputf8)
        except ServerUnavailable as error:
            reasons.append(str(error))
        else:
            return routes.servers[name].address
        finally:
            connection.close()
    raise NotTaken("; ".join(reasons) or "the sender has no mail server")
