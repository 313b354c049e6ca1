"""The landing writer: what was answered is on disk, whatever happens to the process or the disk."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from collector.collecting import landed, project_in

from dagster_drips.landing.files import landing_files
from dagster_drips.landing.writer.staged_file import NameMaker
from dagster_drips.landing.writer.writer import LandingUnavailable, LandingWriter
from dagster_drips.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_in(tmp_path / "project")


def hidden(project: Project, kind: str = "engagement") -> list[Path]:
    return sorted((project.landing / kind).glob(".*.part"))


def rows_in(paths: list[Path]) -> list[dict]:
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def numbered(numbers: range) -> list[dict[str, int]]:
    return [{"n": number} for number in numbers]


def test_rows_are_in_the_file_when_the_call_returns_and_nobody_sees_it_yet(project: Project) -> None:
    writer = LandingWriter(project, max_age_seconds=60)

    async def land_many() -> None:
        await asyncio.gather(*(writer.land({"engagement": [row]}) for row in numbered(range(300))))

    asyncio.run(land_many())
    assert sorted(row["n"] for row in rows_in(hidden(project))) == list(range(300))
    assert landing_files(project) == []
    writer.close()
    assert sorted(row["n"] for row in landed(project)) == list(range(300))
    assert hidden(project) == []


def test_a_file_is_seen_soon_after_its_first_row_though_nothing_follows(project: Project) -> None:
    writer = LandingWriter(project, max_age_seconds=0.1)
    asyncio.run(writer.land({"events": numbered(range(3))}))
    until = time.monotonic() + 10
    while not landing_files(project) and time.monotonic() < until:
        time.sleep(0.02)
    assert landed(project, "events") == numbered(range(3))
    writer.close()


def test_a_large_file_is_seen_at_once(project: Project) -> None:
    writer = LandingWriter(project, max_age_seconds=60, max_bytes=200)

    async def land_in_turn() -> None:
        for row in numbered(range(60)):
            await writer.land({"events": [row]})

    asyncio.run(land_in_turn())
    seen = [row["n"] for row in landed(project, "events")]
    assert len(landing_files(project)) == 2 and seen == list(range(len(seen)))
    writer.close()
    assert [row["n"] for row in landed(project, "events")] == list(range(60))


def test_names_sort_as_they_were_made_and_never_repeat() -> None:
    one, other = NameMaker(), NameMaker()
    names = [one.next() for _ in range(5000)]
    assert names == sorted(set(names))
    assert not set(names) & {other.next() for _ in range(5000)}


def test_a_call_lands_all_its_kinds_or_none(project: Project) -> None:
    project.landing.mkdir(parents=True)
    (project.landing / "leads").write_text("a file where the folder should be")
    writer = LandingWriter(project)
    with pytest.raises(LandingUnavailable):
        asyncio.run(writer.land({"events": numbered(range(2)), "leads": numbered(range(2))}))
    (project.landing / "leads").unlink()
    asyncio.run(writer.land({"events": numbered(range(5, 6)), "leads": numbered(range(5, 6))}))
    writer.close()
    assert landed(project, "events") == landed(project, "leads") == [{"n": 5}]


def test_a_command_lands_at_once(project: Project) -> None:
    writer = LandingWriter(project)
    writer.land_now({"engagement": numbered(range(2))})
    assert landed(project) == numbered(range(2))


def test_each_event_loop_gets_its_answers(project: Project) -> None:
    writer = LandingWriter(project)
    for row in numbered(range(3)):
        asyncio.run(writer.land({"engagement": [row]}))
    writer.close()
    assert landed(project) == numbered(range(3))


def test_a_call_that_waits_too_long_is_given_up_and_lands_nothing(project: Project) -> None:
    writer = LandingWriter(project, timeout_seconds=0.05, gather_seconds=1)
    with pytest.raises(LandingUnavailable, match="too slow"):
        asyncio.run(writer.land({"engagement": numbered(range(1))}))
    time.sleep(1.2)
    writer.close()
    assert landed(project) == []


def test_nothing_is_taken_after_closing(project: Project) -> None:
    writer = LandingWriter(project)
    writer.close()
    with pytest.raises(LandingUnavailable):
        asyncio.run(writer.land({"engagement": numbered(range(1))}))


def test_raw_requests_are_kept_without_their_secrets_and_not_for_the_loader(project: Project) -> None:
    writer = LandingWriter(project)
    asyncio.run(writer.keep_raw("sendgrid", b"\x00[{}]", {"Authorization": "Basic x", "X-Sent": "1"}))
    writer.close()
    (path,) = (project.landing / "raw" / "sendgrid").glob("*.jsonl")
    (row,) = rows_in([path])
    assert row["headers"] == {"X-Sent": "1"} and row["body"] == "AFt7fV0="
    assert landing_files(project) == []
    with pytest.raises(ValueError, match="source"):
        asyncio.run(writer.keep_raw("../events", b"", {}))


LANDING = """
import asyncio, sys
from dagster_drips.project import Project
from dagster_drips.landing.writer.writer import LandingWriter
async def main():
    writer = LandingWriter(Project.at(sys.argv[1]), max_age_seconds=60)
    number = 0
    while True:
        await asyncio.gather(*(writer.land({"events": [{"n": number + i}]}) for i in range(20)))
        number += 20
        print(number, flush=True)
asyncio.run(main())
"""


def test_what_was_answered_survives_kill_9_and_the_torn_line_goes(project: Project) -> None:
    command = [sys.executable, "-c", LANDING, str(project.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(10)]
        other = LandingWriter(project)
        assert other.complete_staged_files() == 0, "a living writer's file is its own"
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout]
    (left,) = hidden(project, "events")
    with left.open("ab") as file:
        file.write(b'{"n": 1234')
    assert other.complete_staged_files() == 1
    numbers = {row["n"] for row in landed(project, "events")}
    assert numbers >= set(range(acknowledged[-1])) and 1234 not in numbers - set(range(acknowledged[-1] + 20))
    assert hidden(project, "events") == [] and other.complete_staged_files() == 0


def test_a_staged_file_without_a_whole_line_goes(project: Project) -> None:
    folder = project.landing / "events"
    folder.mkdir(parents=True)
    left = folder / f".{NameMaker().next()}.part"
    left.write_bytes(b'{"n"')
    assert LandingWriter(project).complete_staged_files() == 1
    assert list(folder.iterdir()) == []


FULL = """
import asyncio, resource, sys
from dagster_drips.project import Project
from dagster_drips.landing.writer.writer import LandingUnavailable, LandingWriter
async def main():
    writer = LandingWriter(Project.at(sys.argv[1]), max_age_seconds=60)
    await writer.land({"events": [{"n": 1}]})
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    for attempt in range(3):
        try:
            await writer.land({"events": [{"n": 2, "text": "x" * 100}]})
        except LandingUnavailable:
            print("unavailable")
    await writer.land({"events": [{"n": 3}]})
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await writer.land({"events": [{"n": 4, "text": "y" * 100}]})
    writer.close()
asyncio.run(main())
"""


def test_a_disk_without_room_takes_nothing_by_halves_and_goes_on_when_there_is_room(project: Project) -> None:
    # A limit on the size of files stands for the full disk: the write is cut off in the middle of a line.
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(project.root)], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.split() == ["unavailable"] * 3
    assert [row["n"] for row in landed(project, "events")] == [1, 3, 4]
