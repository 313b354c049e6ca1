"""The delivery journal's files, and folding them into the warehouse."""

import resource
from datetime import timedelta

import pytest

from dagster_drips.errors import DripsError
from dagster_drips.mail.fold import fold
from dagster_drips.mail.journal import INTERRUPTED, Claim, DeliveryJournal, Result, boot_id

from .conftest import AS_OF, WALL


def claim_of(message_id: str, attempt: int = 1) -> Claim:
    return Claim(
        message_id=message_id,
        attempt=attempt,
        as_of=AS_OF,
        enrollment_id="e",
        sequence_id="welcome",
        version_id="v1",
        step_id="hello",
        variant_id=None,
        lead_id="lead",
        sender="ada@acme.example",
        recipient="lead@example.org",
        scheduled_at=AS_OF,
        transactional=False,
    )


def abandoned(project) -> DeliveryJournal:
    """A run that claimed three messages, sent the first, began the second, and ended without a word."""
    journal = DeliveryJournal(project, now=lambda: WALL)
    journal.claim([claim_of("m1"), claim_of("m2"), claim_of("m3")])
    journal.sending("m1", 1)
    journal.result(Result("m1", 1, "sent", WALL, 250))
    journal.sending("m2", 1)
    content = journal.path.read_bytes()
    journal.close()
    journal.path.write_bytes(content)
    return journal


def test_folding_twice_is_folding_once(world):
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.claim([claim_of("m1")])
        journal.sending("m1", 1)
        journal.result(Result("m1", 1, "deferred", WALL, 450, "4.2.0", "later", AS_OF + timedelta(minutes=5)))
    assert fold(world.project, world.warehouse).rows == 1
    assert fold(world.project, world.warehouse).rows == 0
    [row] = world.log()
    assert (row["outcome"], row["smtp_code"], row["enhanced_code"], row["detail"]) == (
        "deferred",
        450,
        "4.2.0",
        "later",
    )
    assert (row["retry_at"], row["transactional"], row["variant_id"]) == (AS_OF + timedelta(minutes=5), False, None)


def test_of_a_dead_run_only_what_was_begun_is_in_doubt(world):
    abandoned(world.project)
    report = fold(world.project, world.warehouse, now=lambda: WALL)
    assert (report.rows, report.settled_in_doubt, report.released) == (2, 1, 1)
    assert world.outcomes() == {"m1": "sent", "m2": "in_doubt"}
    assert world.log()[1]["detail"] == INTERRUPTED


def test_a_settled_run_folds_to_the_same_rows_again(world):
    abandoned(world.project)
    fold(world.project, world.warehouse, now=lambda: WALL)
    rows = world.log()
    world.warehouse.execute("delete from raw.delivery_log")
    world.warehouse.execute("delete from journal.folded_deliveries")
    again = fold(world.project, world.warehouse)
    assert (world.log(), again.settled_in_doubt) == (rows, 0)


@pytest.mark.skipif(not boot_id(), reason="this system does not name its uptime")
def test_after_the_machine_started_anew_every_open_claim_is_in_doubt(world):
    journal = abandoned(world.project)
    journal.path.write_bytes(journal.path.read_bytes().replace(boot_id().encode(), b"another-uptime"))
    fold(world.project, world.warehouse)
    assert world.outcomes() == {"m1": "sent", "m2": "in_doubt", "m3": "in_doubt"}


def test_a_line_torn_by_a_crash_is_passed_over(world):
    journal = abandoned(world.project)
    with journal.path.open("ab") as file:
        file.write(b'{"record":"outcome","message_id":"m2","att')
    report = fold(world.project, world.warehouse)
    assert (report.unreadable, world.outcomes()) == (1, {"m1": "sent", "m2": "in_doubt"})
    world.warehouse.execute("delete from raw.delivery_log")
    world.warehouse.execute("delete from journal.folded_deliveries")
    fold(world.project, world.warehouse)
    assert world.outcomes() == {"m1": "sent", "m2": "in_doubt"}


def test_a_run_that_is_alive_is_left_alone(world):
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.claim([claim_of("m1")])
        report = fold(world.project, world.warehouse)
        assert (report.alive, report.rows) == (1, 0)
        journal.sending("m1", 1)
        journal.result(Result("m1", 1, "sent", WALL))
    assert fold(world.project, world.warehouse).rows == 1


def test_closing_gives_back_what_was_not_begun(world):
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.claim([claim_of("m1"), claim_of("m2")])
        journal.sending("m1", 1)
    fold(world.project, world.warehouse)
    assert world.outcomes() == {"m1": "in_doubt"}


def test_a_full_disk_stops_before_sending_and_loses_nothing(world):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = DeliveryJournal(world.project, now=lambda: WALL)
    journal.claim([claim_of("m1")])
    journal.sending("m1", 1)
    journal.result(Result("m1", 1, "sent", WALL))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 100, limits[1]))
        with pytest.raises(DripsError, match="can't be written"):
            journal.claim([claim_of("m2")])
        with pytest.raises(DripsError, match="sending stopped"):
            journal.sending("m2", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.close()
    report = fold(world.project, world.warehouse)
    assert (report.unreadable, world.outcomes()) == (1, {"m1": "sent"})
