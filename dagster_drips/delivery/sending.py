"""Sending what a warehouse has due, by one process: servers connected to, claims before SMTP, outcomes as they come.

The warehouse is the project's, or that of a shard. Here the queue, the connections and the journal are put together;
who may send at all, and what was due, is `dispatch`'s matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dagster_drips.blob_store import BlobStore
from dagster_drips.delivery.delivery_journal import DeliveryJournal
from dagster_drips.delivery.rate_limits import Limit, RateLimiter
from dagster_drips.delivery.refusals import Refusals
from dagster_drips.settings import Settings
from dagster_drips.smtp.deadlines import Deadlines
from dagster_drips.warehouse.port import Warehouse

MakeLimiter = Callable[[Mapping[str, Limit], Mapping[str, Limit]], RateLimiter]


@dataclass
class Leftovers:
    """What was not offered to a server, in messages, why sending stopped early, by server, and what a sender's being an
    example left due, by sender."""

    refused: int = 0
    exited: int = 0
    held: int = 0
    stops: dict[str, str] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)


def send_all(
    warehouse: Warehouse,
    settings: Settings,
    journal: DeliveryJournal,
    files: BlobStore,
    refusals: Refusals,
    *,
    connections: int,
    now: Callable[[], datetime],
    on_outcome: Callable[[str], None],
    deadlines: Deadlines,
    limiter: MakeLimiter = RateLimiter,
) -> Leftovers:
    """Send everything in the table `sending`, as far as servers and limits let it.

    Args:
        warehouse: `open` of due_messages.sql was run on it.
        settings: servers and keys.
        journal: where claims and outcomes go.
        files: where attachments and images are.
        refusals: asked before messages are claimed.
        connections: at most, for each server.
        now: the time to record, naive UTC.
        on_outcome: called with each outcome's kind.
        deadlines: how long servers are waited for.
        limiter: makes what keeps to the limits of senders and domains.

    Raises:
        DripsError: no mail server is set, or none takes our login or TLS (nothing is claimed then); a key can't be
            read; the journal can't be written.
    """
    # Imported late: a third of a second that a tick with nothing due need not wait for.
    from dagster_drips.delivery.composer import Composer
    from dagster_drips.delivery.connection_pool import ConnectionPool
    from dagster_drips.delivery.queue import MessageQueue
    from dagster_drips.delivery.routes import Routes
    from dagster_drips.links.message_links import LinkMaker
    from dagster_drips.templating.templates import TemplateCache

    left = Leftovers()
    routes = Routes(warehouse, settings, limiter=limiter)
    links = LinkMaker.of(settings)
    pool = ConnectionPool(
        routes.servers,
        size=connections,
        journal=journal,
        rate_limiter=routes.rate_limiter,
        compose=Composer(links, files),
        now=now,
        on_outcome=on_outcome,
        timeout=deadlines.reply,
        final_timeout=deadlines.final,
    )
    with pool:
        if pool.ready(routes.ways):
            queue = MessageQueue(
                warehouse,
                journal,
                templates=TemplateCache(warehouse, links),
                routes=routes,
                refusals=refusals,
                is_open=pool.is_open,
                between_ticks=settings.schedule.shortest,
            )
            pool.send(queue.next_batch, lambda: queue.next_at, lambda: refusals.is_over)
            left.refused, left.exited, left.held = queue.refused, queue.exited, queue.held
            left.reserved = queue.reserved_senders
    left.stops = pool.stops
    return left
