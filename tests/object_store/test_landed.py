"""Landing files between a bucket of a real S3 server and the landing folders."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from s3_server import S3Server

from dagster_drips.errors import DripsError
from dagster_drips.landing.compaction import Loaded, pack_files
from dagster_drips.landing.files import landing_files
from dagster_drips.object_store.known_objects import FILE, KnownObjects
from dagster_drips.object_store.landed import place_of
from dagster_drips.object_store.listing import Listing, family_of
from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.project import Project

from .conftest import keys_of, mirror_of, write_env

pytestmark = pytest.mark.slow

Make = Callable[..., Project]


@pytest.fixture
def project(make_project: Make) -> Project:
    return make_project("here")


@pytest.fixture
def mirror(project: Project) -> ObjectMirror:
    return mirror_of(project)


def names(project: Project, kind: str) -> list[str]:
    folder = project.landing / kind
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_put_there_comes_here_once_and_whole(project: Project, mirror: ObjectMirror) -> None:
    large = b"lead_id,created_at\n" + b"a,2026-01-01\n" * 2_000_000
    mirror.store.put("landing/leads/2026-01-01.csv", large)
    mirror.store.put("landing/events/dt=2026-01-01/part 0 é%#.jsonl", b"{}\n")
    mirror.store.put("landing/events/1.jsonl.tmp", b"{}\n")
    mirror.store.put("landing/else/1.jsonl", b"{}\n")
    mirror.store.put("elsewhere/events/1.jsonl", b"{}\n")
    assert mirror.fetch() == 2
    assert (project.landing / "leads" / "2026-01-01.csv").read_bytes() == large
    assert names(project, "events") == ["dt=2026-01-01/part 0 é%#.jsonl"]
    assert mirror.fetch() == 0


def test_an_object_that_was_changed_takes_the_files_place(project: Project, mirror: ObjectMirror) -> None:
    mirror.store.put("landing/events/1.jsonl", b"one\n")
    mirror.fetch()
    mirror.store.put("landing/events/1.jsonl", b"two\n")
    assert mirror.fetch() == 1
    assert (project.landing / "events" / "1.jsonl").read_bytes() == b"two\n"


def test_what_is_landed_here_goes_there_once(project: Project, mirror: ObjectMirror, make_project: Make) -> None:
    (project.landing / "events" / "1.jsonl").write_bytes(b"one\n")
    (project.landing / "raw" / "resend").mkdir(parents=True)
    (project.landing / "raw" / "resend" / "1.jsonl").write_bytes(b"raw\n")
    (project.landing / "events" / ".2.jsonl.part").write_bytes(b"half")
    assert mirror.keep_landed() == 2
    assert keys_of(mirror, "landing") == ["landing/events/1.jsonl", "landing/raw/resend/1.jsonl"]
    assert (mirror.keep_landed(), mirror.fetch()) == (0, 0)
    other = make_project("other")
    assert mirror_of(other).fetch() == 1
    assert (other.landing / "events" / "1.jsonl").read_bytes() == b"one\n"


def test_odd_keys_stop_nothing(project: Project, mirror: ObjectMirror) -> None:
    for key in ("landing/leads/", "landing/events/a\nb%2F.jsonl", "landing/events/2.jsonl"):
        mirror.store.put(key, b"{}\n")
    assert mirror.fetch() == 2
    assert names(project, "events") == ["2.jsonl", "a\nb%2F.jsonl"]


@pytest.mark.parametrize("name", ["", "/1.csv", "a//1.csv", "a/../1.csv", "./1.csv", ".1.csv", "1.csv.tmp", "é" * 128])
def test_a_key_is_no_way_out_of_its_folder(project: Project, name: str) -> None:
    """The server of these tests takes none of them; others do."""
    assert place_of(project, f"landing/leads/{name}", ["leads"]) is None
    assert place_of(project, "landing/leads/1.csv", ["leads"]) == project.landing / "leads" / "1.csv"


def test_two_files_of_one_name_stay_as_they_are(
    project: Project, mirror: ObjectMirror, caplog: pytest.LogCaptureFixture
) -> None:
    mirror.store.put("landing/events/1.jsonl", b"theirs\n")
    (project.landing / "events" / "1.jsonl").write_bytes(b"ours\n")
    assert (mirror.keep_landed(), mirror.fetch()) == (0, 0)
    assert (project.landing / "events" / "1.jsonl").read_bytes() == b"ours\n"
    assert mirror.store.get("landing/events/1.jsonl")[0] == b"theirs\n"
    assert "other bytes under one name" in caplog.text


def test_without_its_memory_nothing_comes_or_goes_twice(project: Project, mirror: ObjectMirror) -> None:
    (project.landing / "events" / "1.jsonl").write_bytes(b"one\n")
    mirror.store.put("landing/events/2.jsonl", b"two\n")
    mirror.keep_landed()
    mirror.fetch()
    (project.data / FILE).write_bytes(b"no database")
    assert (mirror.fetch(), mirror.keep_landed()) == (0, 0)
    assert names(project, "events") == ["1.jsonl", "2.jsonl"]


def test_a_look_begins_where_each_family_of_names_ended(project: Project, mirror: ObjectMirror) -> None:
    many = [f"landing/events/collected-20260101T{n:06}.jsonl" for n in range(60)]
    for key in (*many, "landing/leads/crm-1.csv"):
        mirror.store.put(key, key.encode())
    mirror.fetch()
    _later(mirror, project)
    new = ["landing/events/collected-20260101T000060.jsonl", "landing/events/shop-1.jsonl", "landing/leads/crm-2.csv"]
    late = "landing/events/collected-20260101T000007-late.jsonl"
    for key in (*new, late):
        mirror.store.put(key, key.encode())
    with KnownObjects(project, mirror.address) as known:
        listing = Listing(mirror.store, known)
        assert not listing.whole
        assert [facts.key for facts in listing.objects()] == new, "what was there ten minutes ago is not listed again"
    assert mirror.fetch() == len(new)
    assert not (project.data / late).exists()
    assert mirror.fetch(whole=True) == 1, "the next listing of all finds what came late"
    assert (project.data / late).exists()


def _later(mirror: ObjectMirror, project: Project) -> None:
    """As if ten minutes had passed, and the bucket were large."""
    with KnownObjects(project, mirror.address) as known:
        known.note_marks({family: (latest, latest, at) for family, (_, latest, at) in known.marks().items()})
        known.note_fact("listed", "1000000")
        known.note_fact("listed_at", str(time.time()))
        known.note_fact("listed_in", "100")


def test_families_end_at_the_first_digit() -> None:
    assert family_of("landing/events/collected-2026.jsonl") == "landing/events/collected-"
    assert family_of("landing/leads/dt=2026-01-01/part-0.parquet") == "landing/leads/dt="
    assert family_of("landing/leads/customers.csv") is None
    assert family_of("landing/packed/events/2026-01-01-1.zip") == "landing/packed/"


def test_packs_take_the_place_of_their_files(project: Project, mirror: ObjectMirror, make_project: Make) -> None:
    files = {f"{n}.jsonl": f"{n}\n".encode() for n in range(3)}
    for name, content in files.items():
        (project.landing / "events" / name).write_bytes(content)
    mirror.keep_landed()
    loaded = [Loaded("events", name, sha256(content).hexdigest(), date(2026, 1, 1)) for name, content in files.items()]
    assert pack_files(project, loaded[:2]).files == 2
    mirror.keep_landed()
    packed = ["landing/events/2.jsonl", "landing/packed/events/2026-01-01-1.zip"]
    assert keys_of(mirror, "landing") == packed
    assert (mirror.fetch(whole=True), names(project, "events")) == (0, ["2.jsonl"])
    other = make_project("other")
    mirror_of(other).restore()
    assert [file.name for file in landing_files(other)] == sorted(files)


def test_what_was_packed_by_a_machine_that_forgot_is_not_brought_again(project: Project, mirror: ObjectMirror) -> None:
    files = {f"{n}.jsonl": f"{n}\n".encode() for n in range(2)}
    for name, content in files.items():
        (project.landing / "events" / name).write_bytes(content)
    mirror.keep_landed()
    day = date(2026, 1, 1)
    pack_files(project, [Loaded("events", name, sha256(data).hexdigest(), day) for name, data in files.items()])
    (project.data / FILE).unlink()
    assert mirror.fetch() == 0
    mirror.keep_landed()
    assert keys_of(mirror, "landing") == ["landing/packed/events/2026-01-01-1.zip"]


# What goes wrong -----------------------------------------------------------------------------------------------------


def _told(action: Callable[[], object]) -> str:
    with pytest.raises(DripsError) as told:
        action()
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_refusal_is_one_line(project: Project, server: S3Server, prefix: str) -> None:
    write_env(project.root, server.variables(prefix, key=("AKIANOBODY", "wrong")))
    assert _told(mirror_of(project).fetch).endswith("these credentials may not list landing (InvalidAccessKeyId)")
    write_env(project.root, server.variables(prefix, key=server.reader))
    (project.landing / "events" / "1.jsonl").write_bytes(b"one\n")
    assert mirror_of(project).fetch() == 0
    assert "may not write landing/events/1.jsonl (AccessDenied)" in _told(mirror_of(project).keep_landed)


def test_a_store_that_is_away_is_one_line(project: Project, server: S3Server, prefix: str) -> None:
    write_env(project.root, {**server.variables(prefix), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert _told(mirror_of(project).fetch).endswith("can't list landing: the store can't be reached")
    assert [*Path(project.landing).rglob("*.*")] == []


@pytest.mark.parametrize("endpoint", ["acme", "https://", "http://127.0.0.1:118333", "ftp://acme.example"])
def test_an_endpoint_that_is_none_is_told(project: Project, server: S3Server, prefix: str, endpoint: str) -> None:
    write_env(project.root, {**server.variables(prefix), "AWS_ENDPOINT_URL": endpoint})
    assert "AWS_ENDPOINT_URL: not a web address" in _told(lambda: mirror_of(project))


def test_data_goes_over_no_open_line(project: Project, server: S3Server, prefix: str) -> None:
    variables = {**server.variables(prefix), "AWS_ENDPOINT_URL": "http://s3.acme.example"}
    write_env(project.root, variables)
    assert "use https://" in _told(lambda: mirror_of(project))
    write_env(project.root, {**variables, "AWS_ALLOW_HTTP": "true"})
    mirror_of(project)


@pytest.mark.parametrize("url", ["acme", "s3://", "https://acme", "s3://acme/../other", "s3://A_B/x", "s3://acme//x"])
def test_an_address_that_is_none_is_told(project: Project, url: str) -> None:
    write_env(project.root, {"DRIPS_OBJECT_STORE_URL": url})
    assert "DRIPS_OBJECT_STORE_URL: not a bucket" in _told(lambda: mirror_of(project))
