"""The delivery journal's files, and ingesting them into the warehouse."""

import resource
from datetime import timedelta

import pytest

from dagster_drips.delivery import ingestion
from dagster_drips.delivery.delivery_journal import (
    INTERRUPTED,
    RESENDS,
    Claim,
    DeliveryJournal,
    Released,
    Result,
    Sending,
    boot_id,
    read_records,
)
from dagster_drips.delivery.ingestion import ingest_deliveries
from dagster_drips.errors import DripsError
from dagster_drips.warehouse.port import Warehouse

from .conftest import AS_OF, WALL

LATER = timedelta(seconds=3)


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
    journal.write([Sending("m1", 1)])
    journal.write([Result("m1", 1, "sent", WALL + LATER, 250), Sending("m2", 1)])
    content = journal.path.read_bytes()
    journal.close()
    journal.path.write_bytes(content)
    return journal


def forget(world) -> None:
    """A warehouse that lost what was ingested."""
    world.warehouse.execute("delete from raw.delivery_log")
    world.warehouse.execute("delete from journal.folded_deliveries")


def test_folding_twice_is_folding_once(world):
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.claim([claim_of("m1")])
        journal.write([Sending("m1", 1)])
        journal.write([Result("m1", 1, "deferred", WALL, 450, "4.2.0", "later", AS_OF + timedelta(minutes=5))])
    assert ingest_deliveries(world.project, world.warehouse).rows == 1
    assert ingest_deliveries(world.project, world.warehouse).rows == 0
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
    report = ingest_deliveries(world.project, world.warehouse, now=lambda: WALL)
    assert (report.rows, report.settled_in_doubt, report.released) == (2, 1, 1)
    assert world.outcomes() == {"m1": "sent", "m2": "in_doubt"}
    assert world.log()[1]["detail"] == INTERRUPTED


def test_a_doubt_about_a_dead_run_is_dated_by_the_last_time_that_the_run_noted(world):
    abandoned(world.project)
    ingest_deliveries(world.project, world.warehouse, now=lambda: WALL + timedelta(days=1))
    assert [row["recorded_at"] for row in world.log()] == [WALL + LATER, WALL + LATER]


def test_resending_makes_a_dead_runs_doubt_due_at_the_next_tick_and_keeps_both_facts(world):
    abandoned(world.project)
    report = ingest_deliveries(world.project, world.warehouse, resend=True)
    assert (report.rows, report.settled_in_doubt, report.resent, report.released) == (3, 1, 1, 1)
    in_doubt, deferred = world.warehouse.rows(
        "select * from raw.delivery_log where message_id = 'm2' order by outcome desc"
    )
    assert (in_doubt["outcome"], in_doubt["attempt"], in_doubt["detail"]) == ("in_doubt", 1, INTERRUPTED)
    assert (deferred["outcome"], deferred["attempt"], deferred["retry_at"]) == ("deferred", 1, AS_OF)
    rows = world.log()
    forget(world)
    ingest_deliveries(world.project, world.warehouse)
    assert world.log() == rows


def test_resending_makes_a_runs_own_doubts_due_again_at_its_end(world):
    with DeliveryJournal(world.project, now=lambda: WALL, resend=True) as journal:
        journal.claim([claim_of("m1"), claim_of("m2")])
        journal.write([Sending("m1", 1), Sending("m2", 1)])
        journal.write([Result("m1", 1, "in_doubt", WALL, detail="lost")])
    ingest_deliveries(world.project, world.warehouse)
    assert sorted((row["message_id"], row["outcome"]) for row in world.log()) == [
        (message_id, outcome) for message_id in ("m1", "m2") for outcome in ("deferred", "in_doubt")
    ]


def test_resending_goes_on_where_its_own_settling_was_cut_off(world):
    journal = abandoned(world.project)
    ingest_deliveries(world.project, world.warehouse, resend=True)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    [at] = [number for number, line in enumerate(lines) if b'"in_doubt"' in line]
    rows = world.log()
    journal.path.write_bytes(b"".join(lines[: at + 1]) + lines[at + 1][:20])
    forget(world)
    ingest_deliveries(world.project, world.warehouse, resend=True)
    assert world.log() == rows


def test_resending_ends_after_so_many_attempts_and_the_last_doubt_is_held(world):
    with DeliveryJournal(world.project, now=lambda: WALL, resend=True) as journal:
        claims = [claim_of("m1", attempt) for attempt in range(1, RESENDS + 2)]
        journal.claim(claims)
        journal.write([Sending("m1", claim.attempt) for claim in claims])
    ingest_deliveries(world.project, world.warehouse)
    deferred = [row["attempt"] for row in world.log() if row["outcome"] == "deferred"]
    assert deferred == [*range(1, RESENDS + 1)]


def test_a_claim_given_back_may_be_claimed_again_in_the_same_file_and_in_the_next(world):
    for _ in range(2):
        with DeliveryJournal(world.project, now=lambda: WALL) as journal:
            journal.claim([claim_of("m1")])
            journal.write([Released("m1", 1)])
            journal.claim([claim_of("m1")])
    ingest_deliveries(world.project, world.warehouse)
    assert world.log() == []
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.claim([claim_of("m1")])
        journal.write([Sending("m1", 1), Result("m1", 1, "sent", WALL)])
    ingest_deliveries(world.project, world.warehouse)
    assert world.outcomes() == {"m1": "sent"}


def test_a_fold_that_was_cut_off_between_two_transactions_goes_on_where_it_was(world, monkeypatch):
    monkeypatch.setattr(ingestion, "_CHUNK", 2)
    monkeypatch.setattr(ingestion, "_CHUNKS_A_TRANSACTION", 2)
    names = [f"m{number:02}" for number in range(11)]
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.claim([claim_of(name) for name in names])
        journal.write([Result(name, 1, "sent", WALL) for name in names])
    append, appended = Warehouse.append, []

    def die_in_the_fifth(warehouse: Warehouse, table: str, frame) -> int:
        if len(appended) == 4:
            raise KeyboardInterrupt
        appended.append(frame.height)
        return append(warehouse, table, frame)

    with monkeypatch.context() as cut_off, pytest.raises(KeyboardInterrupt):
        cut_off.setattr(Warehouse, "append", die_in_the_fifth)
        ingest_deliveries(world.project, world.warehouse)
    assert len(world.log()) == 8
    assert ingest_deliveries(world.project, world.warehouse).rows == 3
    assert ingest_deliveries(world.project, world.warehouse).files == 0
    assert [row["message_id"] for row in world.log()] == names


def test_a_settled_run_is_ingested_to_the_same_rows_again(world):
    abandoned(world.project)
    ingest_deliveries(world.project, world.warehouse, now=lambda: WALL)
    rows = world.log()
    forget(world)
    again = ingest_deliveries(world.project, world.warehouse)
    assert (world.log(), again.settled_in_doubt) == (rows, 0)


@pytest.mark.skipif(not boot_id(), reason="this system does not name its uptime")
def test_after_the_machine_started_anew_every_open_claim_is_in_doubt(world):
    journal = abandoned(world.project)
    journal.path.write_bytes(journal.path.read_bytes().replace(boot_id().encode(), b"another-uptime"))
    ingest_deliveries(world.project, world.warehouse)
    assert world.outcomes() == {"m1": "sent", "m2": "in_doubt", "m3": "in_doubt"}


def test_a_line_torn_by_a_crash_is_passed_over(world):
    journal = abandoned(world.project)
    with journal.path.open("ab") as file:
        file.write(b'{"record":"outcome","message_id":"m2","att')
    report = ingest_deliveries(world.project, world.warehouse)
    assert (report.unreadable, world.outcomes()) == (1, {"m1": "sent", "m2": "in_doubt"})
    forget(world)
    ingest_deliveries(world.project, world.warehouse)
    assert world.outcomes() == {"m1": "sent", "m2": "in_doubt"}


def test_whatever_a_power_cut_leaves_in_place_of_a_record_hides_no_claim(world):
    journal = abandoned(world.project)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    [outcome] = [number for number, line in enumerate(lines) if b'"sent"' in line]
    lines[outcome] = b"\xff\xfe" + bytes(len(lines[outcome]) - 3) + b"\n"
    journal.path.write_bytes(b"".join(lines).replace(boot_id().encode(), b"another-uptime"))
    report = ingest_deliveries(world.project, world.warehouse)
    assert (report.unreadable, world.outcomes()) == (1, dict.fromkeys(("m1", "m2", "m3"), "in_doubt"))


def test_records_come_back_as_they_were_written_whatever_the_size_of_the_file(world):
    written = [Sending(f"m{number}", 1) for number in range(30_000)]
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.write(written)
        with journal.path.open("rb") as file:
            chunks = list(read_records(file))
    assert len(chunks) > 1
    assert [record for chunk in chunks for record in chunk][1:] == written


def test_a_run_that_is_alive_is_left_alone(world):
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.claim([claim_of("m1")])
        report = ingest_deliveries(world.project, world.warehouse)
        assert (report.alive, report.rows) == (1, 0)
        journal.write([Sending("m1", 1)])
        journal.write([Result("m1", 1, "sent", WALL)])
    assert ingest_deliveries(world.project, world.warehouse).rows == 1


def test_closing_gives_back_what_was_not_begun(world):
    with DeliveryJournal(world.project, now=lambda: WALL) as journal:
        journal.claim([claim_of("m1"), claim_of("m2")])
        journal.write([Sending("m1", 1)])
    ingest_deliveries(world.project, world.warehouse)
    assert world.outcomes() == {"m1": "in_doubt"}


def test_a_full_disk_stops_before_sending_and_loses_nothing(world):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = DeliveryJournal(world.project, now=lambda: WALL)
    journal.claim([claim_of("m1")])
    journal.write([Sending("m1", 1)])
    journal.write([Result("m1", 1, "sent", WALL)])
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 100, limits[1]))
        with pytest.raises(DripsError, match="can't be written"):
            journal.claim([claim_of("m2")])
        with pytest.raises(DripsError, match="sending stopped"):
            journal.write([Sending("m2", 1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.close()
    report = ingest_deliveries(world.project, world.warehouse)
    assert (report.unreadable, world.outcomes()) == (1, {"m1": "sent"})
