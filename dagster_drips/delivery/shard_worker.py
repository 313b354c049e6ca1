"""One shard of a tick's due messages, sent by a process of its own that has no warehouse.

    python -m dagster_drips.delivery.shard_worker PROJECT BATCH SHARD

is how `shard_processes` starts one, with its settings on stdin. Dagster's step calls `send_shard` itself. Whatever
happens to it, what it has claimed stands in its own file of the delivery journal.
"""

from __future__ import annotations

import pickle
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from dagster_drips.blob_store import BlobStore
from dagster_drips.clock import utc_now
from dagster_drips.delivery.batch import Batch, Facts, Outcome
from dagster_drips.delivery.delivery_journal import DeliveryJournal
from dagster_drips.delivery.place import require_place
from dagster_drips.delivery.rate_limits import Limit
from dagster_drips.delivery.sending import send_all
from dagster_drips.delivery.shards import load_shard
from dagster_drips.delivery.shared_rates import SharedRateLimiter
from dagster_drips.delivery.shared_refusals import UNATTENDED, SharedRefusals
from dagster_drips.delivery.sharing import dealt
from dagster_drips.errors import DripsError
from dagster_drips.file_modes import protect_new_files
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.smtp.deadlines import DEADLINES, Deadlines
from dagster_drips.warehouse.port import open_warehouse
from dagster_drips.warehouse.statements import named_statements

ATTENTION_SECONDS = 600.0
"""For so long a shard waits to be told whom it must not mail: a step of Dagster's may start before that other one."""
_STATEMENTS = named_statements(Path(__file__).with_name("due_messages.sql"))


class Orders(NamedTuple):
    """What a process is told on stdin."""

    settings: Settings
    deadlines: Deadlines


def send_shard(
    project: Project, batch: Batch, shard: int, settings: Settings, deadlines: Deadlines = DEADLINES
) -> Outcome | None:
    """Send a shard, and say in the batch what it came to; None: it is not this process that may send it.

    Args:
        project: where the journal lies.
        batch: of it.
        shard: which, from 0.
        settings: servers, keys, what becomes of messages in doubt.
        deadlines: how long servers are waited for.
    """
    facts = batch.facts
    if facts is None:
        return None
    with batch.begin(shard) as is_ours:
        if not is_ours:
            return None
        try:
            outcome = _sent(project, batch, facts, shard, settings, deadlines)
        except DripsError as error:
            outcome = Outcome(error=str(error))
        if batch.stands:
            batch.report(shard, outcome)
        return outcome


def _sent(
    project: Project, batch: Batch, facts: Facts, shard: int, settings: Settings, deadlines: Deadlines
) -> Outcome:
    if not facts.rows[shard]:
        return Outcome()
    require_place(project)
    refusals = SharedRefusals(batch, ATTENTION_SECONDS)

    def now() -> datetime:
        return utc_now() + timedelta(seconds=facts.ahead)

    def limiter(senders: Mapping[str, Limit], domains: Mapping[str, Limit]) -> SharedRateLimiter:
        return SharedRateLimiter(senders, domains, facts=facts, shard=shard, file=batch.rates)

    with ExitStack() as stack:
        warehouse = stack.enter_context(open_warehouse(batch.warehouse(shard), prepared=True))
        stack.enter_context(warehouse.modest())
        load_shard(batch, shard, warehouse)
        warehouse.execute(_STATEMENTS["open"])
        counts = stack.enter_context(batch.counting(shard))
        refusals.wait()
        resend = settings.in_doubt == "resend"
        journal = stack.enter_context(DeliveryJournal(project, now=now, resend=resend))
        # Only now: who takes the batch away looks for this file afterwards, which is locked.
        if not batch.stands:
            return Outcome(error="its batch was taken away; nothing was claimed")
        left = send_all(
            warehouse,
            settings,
            journal,
            BlobStore.of(project),
            refusals,
            connections=min(dealt(settings.smtp_connections, shard, facts.shards), facts.rows[shard]),
            now=now,
            on_outcome=counts.add,
            deadlines=deadlines,
            limiter=limiter,
        )
    stops = {**left.stops, **({"sending": UNATTENDED} if refusals.is_over else {})}
    return Outcome(left.refused, left.exited, left.held, stops, left.reserved)


def main(arguments: list[str]) -> int:
    """Send the shard that the arguments name; 0 where it said what it came to."""
    # A terminal's Ctrl-C is for the process that started this one, which lets it end what it has begun.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root, folder, shard = arguments
    orders: Orders = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    project = Project.at(Path(root))
    protect_new_files(project)
    send_shard(project, Batch(Path(folder)), int(shard), orders.settings, orders.deadlines)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
