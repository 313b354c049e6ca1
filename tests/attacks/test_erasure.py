"""Erasure: no killed process's leftovers bring a person back, and what still names one is told file by file."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
from privacy.life import NAMES, land, lived_in, message_id, new_project, traces
from typer.testing import CliRunner

from attacks.killed_processes import ADDRESS, LATE, LEAD, POINTS
from dagster_drips.cli import commands
from dagster_drips.cli.app import app
from dagster_drips.collector.links.viewing import Viewer
from dagster_drips.privacy.person import Person
from dagster_drips.privacy.search import Found, search
from dagster_drips.privacy.traces import Traces
from dagster_drips.project import Project
from dagster_drips.temporaries import REPLAY_PREFIX, clear, found
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

assert commands.forget
KILLED = Path(__file__).with_name("killed_processes.py")
PERSON = Person(LEAD, {LEAD}, {ADDRESS}, {"a" * 32}, {"b" * 32})


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return lived_in(tmp_path_factory.getbasetemp())


def kill(project: Project, point: str, temporaries: Path) -> None:
    command = [sys.executable, KILLED, project.root, point]
    environment = os.environ | {"TMPDIR": str(temporaries)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == -signal.SIGKILL, (point, done.stderr)


def drips(project: Project, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--project", str(project.root)])
    return result.exit_code, result.stdout, result.stderr


def _hidden(project: Project) -> list[str]:
    """Files and folders that nobody made to stay."""
    names = [
        path.name
        for path in project.data.rglob("*")
        if path.name.startswith((".", "warehouse.rebuilding", "forgetting"))
    ]
    return sorted(name for name in names if name != ".gitkeep")


def _replays() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{REPLAY_PREFIX}*"))


@pytest.fixture(scope="module")
def killed(lived: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which a process was killed at every point; each has left something."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "temporaries").mkdir()
    shutil.copytree(lived.root, folder / "project", symlinks=True)
    project = Project.at(folder / "project")
    left: set[Path] = set()
    for point in POINTS:
        kill(project, point, folder / "temporaries")
        now = {path for path in folder.rglob("*") if path.name.startswith((".", "warehouse.rebuilding", REPLAY_PREFIX))}
        assert now - left, f"{point}: killed before it wrote anything"
        left = now
    return project


@pytest.fixture
def project(killed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of it, with the system's temporaries."""
    shutil.copytree(killed.root.parent, tmp_path / "copy", symlinks=True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "copy" / "temporaries"))
    return Project.at(tmp_path / "copy" / "project")


def test_the_next_start_of_anything_clears_what_killed_processes_left(project: Project) -> None:
    assert len(_replays()) == 1
    assert drips(project, "validate")[0] == 0
    assert (_hidden(project), _replays()) == (["forgetting.json"], [])


def test_what_a_killed_collector_had_promised_is_there_afterwards(project: Project) -> None:
    assert len(list((project.landing / "leads").glob(".collected-*.part"))) == 1
    clear(project)
    rows = "".join(path.read_text() for path in (project.landing / "leads").glob("collected-*.jsonl"))
    assert json.loads(rows)["email"] == LATE


def test_a_person_is_nowhere_after_processes_were_killed_at_every_point(project: Project) -> None:
    code, _, err = drips(project, "forget", LEAD, "--yes")
    assert [trace for trace in traces(project) if not trace.endswith(": l-77")] == []
    assert (code, _hidden(project), _replays()) == (0, [], []), err
    for path in project.root.rglob("*"):
        if path.is_file():
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            assert not [name for name in (*NAMES, LATE) if name.encode() in content.lower()], path
    # And nobody brings them back: the next start loads nothing of theirs.
    assert drips(project, "run", "--no-send", "--as-of", "2026-03-03T08:00:00Z")[0] == 0
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        assert warehouse.rows("select * from raw.leads where lead_id = ?", [LEAD]) == []


def test_a_living_owners_temporaries_are_left_alone(project: Project) -> None:
    code = f"""
import fcntl, os, sys, time
from pathlib import Path
from dagster_drips.project import Project
from dagster_drips.landing.writer.writer import LandingWriter
import asyncio
writer = LandingWriter(Project.at({str(project.root)!r}), max_age_seconds=60)
asyncio.run(writer.land({{"leads": [{{"lead_id": "L-9"}}]}}))
scratch = open(Path({str(project.journal)!r}) / ".x.json.1", "w")
fcntl.flock(scratch, fcntl.LOCK_EX)
print("ready", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout and owner.stdout.readline() == "ready\n"
        clear(project)
        assert {path.name for path, _ in found(project)} == {".x.json.1"}
        assert clear(project) == []
        assert len(list((project.landing / "leads").glob(".collected-*.part"))) == 1
        owner.kill()
    assert [path.name for path in clear(project)] == [".x.json.1"]
    assert list((project.landing / "leads").glob(".collected-*")) == []


# What is left is told -------------------------------------------------------------------------------------------------


def _written(project: Project) -> dict[str, str]:
    """Files that name the person, by what hides it."""
    root = project.root
    encoded = base64.encodebytes(f"To: Zeb\nwrite to {ADDRESS} at once\n".encode()).decode()
    mail = f"Content-Transfer-Encoding: base64\n\n{encoded}"
    escaped = ADDRESS.replace("@", "\\u0040")
    text = {
        "logs/run.log": f"sent to <{ADDRESS.upper()}>.",
        "dbt_project/target/run/x.sql": f"where email = '{ADDRESS}'",
        ".dagster/storage/1/compute_logs/x.out": f"lead_id={LEAD}",
        "data/journal/files/html": ADDRESS.replace("@", "&#64;"),
        "data/landing/raw/other.txt": ADDRESS.replace("@", "%40"),
        "data/notes.json": json.dumps({"note": "x"})[:-1] + f', "who": "{escaped}"}}',
        "data/outbox/other.txt": f"a=40b {ADDRESS.replace('@', '=40')}",
        "data/mails.mbox": mail,
        "data/twice.jsonl": json.dumps({"body": base64.b64encode(mail.encode()).decode()}),
        "data/ids.csv": f"x,{'A' * 32}\n",
    }
    for name, content in text.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "data" / "utf16.csv").write_bytes(f"email\n{ADDRESS}\n".encode("utf-16"))
    members = gzip.compress(b"nobody\n") + gzip.compress(ADDRESS.encode())
    (root / "data" / "two-members.gz").write_bytes(members)
    pl.DataFrame({"s": [{"lead_id": LEAD, "n": [1]}]}).write_parquet(root / "data" / "nested.parquet")
    with open_warehouse(root / "replayed.duckdb") as warehouse:
        warehouse.execute(
            "create table t as select i, case i when 70000 then ? end as who from range(100000) r(i)", [ADDRESS]
        )
    with sqlite3.connect(root / ".dagster" / "runs.db") as database:
        database.execute("create table events (body text)")
        database.execute("insert into events values (?)", [f"{'x' * 20_000} {ADDRESS} {'y' * 20_000}"])
    with zipfile.ZipFile(root / "data" / "leads.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<t>{ADDRESS}</t>")
    others = ["data/utf16.csv", "data/two-members.gz", "data/nested.parquet", "replayed.duckdb"]
    return dict.fromkeys([*text, *others, ".dagster/runs.db", "data/leads.xlsx"], "")


def test_every_file_that_names_the_person_is_found_however_it_is_packed(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    assert search(project, PERSON) == Found()
    written = _written(project)
    left = search(project, PERSON)
    assert (left.unread, sorted(left.remaining)) == ([], sorted(written))


def test_what_can_not_be_looked_into_is_told(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    (project.data / "damaged.gz").write_bytes(gzip.compress(b"x" * 1000)[:-20])
    (project.data / "damaged.parquet").write_bytes(b"PAR1" + b"x" * 100)
    (project.data / "damaged.duckdb").write_bytes(b"x" * 8 + b"DUCK" + b"x" * 5000)
    (project.data / "packed.csv.zst").write_bytes(b"x")
    (project.root / ".git").mkdir()
    left = search(project, PERSON)
    assert [line.partition(":")[0] for line in left.unread] == [
        *("data/damaged.duckdb", "data/damaged.gz", "data/damaged.parquet", "data/packed.csv.zst")
    ]
    assert (left.remaining, left.not_searched) == ([], [".git"])


def test_what_only_looks_like_the_person_is_not_told() -> None:
    person = Traces(Person("7", {"7"}, {"ann@x.example"}, {"a" * 32}))
    for other in (b"joann@x.example", b"ann@x.example.org", b"7", b'{"id": 7, "lead_id": "77"}', b"a" * 33):
        assert not person.found_in(other), other
    for own in (b"<ann@x.example>.", b'{"lead_id": "7"}', b'{"lead_id":7}', b"a" * 32, b"lead_id=7\n"):
        assert person.found_in(own), own


def test_the_command_names_what_is_left_and_fails(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    land(project, "leads/a.jsonl", [{"lead_id": LEAD, "email": ADDRESS}, {"lead_id": "L-1", "email": ADDRESS}])
    (project.data / "damaged.gz").write_bytes(b"\x1f\x8b\x08")
    (project.root / "logs").mkdir()
    (project.root / "logs" / "old.log").write_text(ADDRESS)
    code, out, err = drips(project, "forget", LEAD, "--yes")
    assert code == 1
    assert "still names the person: data/landing/leads/a.jsonl\n" in err
    assert "still names the person: logs/old.log\n" in err
    assert "could not be looked into: data/damaged.gz: " in err
    assert "forgotten: 1 leads" in out


def test_a_kept_mail_that_hides_the_address_in_base64_is_erased(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    land(project, "leads/a.jsonl", [{"lead_id": LEAD, "email": ADDRESS}])
    hidden = b"Subject: x\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(f"I am {ADDRESS}".encode())
    rows = [{"headers": {}, "body": base64.b64encode(mail).decode()} for mail in (hidden, b"Subject: other\n\nx")]
    land(project, "raw/inbox/a.jsonl", rows)
    assert drips(project, "forget", LEAD, "--yes")[0] == 0
    assert (project.landing / "raw" / "inbox" / "a.jsonl").read_text() == json.dumps(rows[1]) + "\n"


# What is shown in a browser -------------------------------------------------------------------------------------------


def test_a_message_that_was_shown_before_is_not_shown_after_its_reader_was_forgotten(
    lived: Project, tmp_path: Path
) -> None:
    shutil.copytree(lived.root, tmp_path / "project", symlinks=True)
    project = Project.at(tmp_path / "project")

    async def both() -> tuple[bytes | None, bytes | None, bytes | None]:
        viewer = Viewer(project)
        message = message_id(LEAD, f"e-{LEAD}")
        first = await viewer.html(message)
        kept = await viewer.html(message)
        assert (await asyncio.to_thread(drips, project, "forget", LEAD, "--yes"))[0] == 0
        return first, kept, await viewer.html(message)

    first, kept, after = asyncio.run(both())
    assert first is not None and b"Zebedee" in first
    assert kept == first
    assert after is None
