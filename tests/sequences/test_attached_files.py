"""Attachments and images: which files a sequence may have, what is told of the others, and what a version keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dagster_drips.blob_store import BlobStore
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.sequences.attached_files import MAX_FILE
from dagster_drips.sequences.catalog import Catalog, read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.versions import Version, live_version, load_version, record_catalog
from dagster_drips.warehouse import Warehouse, open_warehouse

from .conftest import SEQUENCE, ProjectFolder

START = datetime(2026, 3, 1)
FILE = "sequences/welcome/sequence.yml"
PAGE = "sequences/welcome/welcome.html"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
ATTACHED = SEQUENCE.replace(
    "    template: welcome.html\n", "    template: welcome.html\n    attachments: [terms.pdf, _shared/price list.csv]\n"
)


@pytest.fixture
def warehouse(folder: ProjectFolder) -> Iterator[Warehouse]:
    with open_warehouse(folder.root / "data" / "warehouse.duckdb") as opened:
        yield opened


@pytest.fixture
def files(folder: ProjectFolder) -> ProjectFolder:
    """A sequence with two attachments and an image."""
    folder.write("sequences/welcome/terms.pdf", b"%PDF-1.7 terms")
    folder.write("sequences/_shared/price list.csv", "plan;price\npro;30 €\n")
    folder.write("sequences/welcome/images/logo.png", PNG)
    folder.write(PAGE, "<p>\n<img src='images/logo.png' alt='Acme'></p>")
    folder.sequence(ATTACHED)
    return folder


def catalog_of(folder: ProjectFolder) -> Catalog:
    return read_catalog(folder.project, segments=segment_names(folder.project))


def told(folder: ProjectFolder) -> list[tuple[str, int | None, str]]:
    return [(problem.file, problem.line, problem.message) for problem in catalog_of(folder).problems]


def version_id(folder: ProjectFolder) -> str:
    catalog = catalog_of(folder)
    assert catalog.problems == []
    return catalog.sources["welcome"].version_id


def tick(folder: ProjectFolder, warehouse: Warehouse, hour: int, *, keep: bool = True) -> list[Version]:
    kept = BlobStore.of(folder.project) if keep else None
    return record_catalog(warehouse, catalog_of(folder), as_of=START + timedelta(hours=hour), keep=kept)


def kept(folder: ProjectFolder) -> list[str]:
    return sorted(path.name for path in BlobStore.of(folder.project).folder.glob("*"))


def test_own_files_and_shared_ones_are_found(files: ProjectFolder) -> None:
    catalog = catalog_of(files)
    assert catalog.problems == []
    facts = catalog.sources["welcome"].attached_files
    assert {name: (fact.size, fact.content_type) for name, fact in facts.items()} == {
        "_shared/price list.csv": (22, "text/csv; charset=utf-8"),
        "images/logo.png": (len(PNG), "image/png"),
        "terms.pdf": (14, "application/pdf"),
    }
    assert facts["images/logo.png"].sha256 == hashlib.sha256(PNG).hexdigest()


def test_the_own_file_goes_before_the_shared_one(files: ProjectFolder) -> None:
    files.write("sequences/terms.pdf", b"shared")
    assert catalog_of(files).sources["welcome"].attached_files["terms.pdf"].size == 14
    (files.root / "sequences/welcome/terms.pdf").unlink()
    assert catalog_of(files).sources["welcome"].attached_files["terms.pdf"].size == 6


def test_a_sequence_without_files_keeps_the_version_it_had(folder: ProjectFolder) -> None:
    folder.sequence()
    source = catalog_of(folder).sources["welcome"]
    assert "attachments" not in source.definition
    content = f"{source.definition}\n{source.files_json}"
    assert source.version_id == hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("welcome/terms.pdf", b"%PDF-1.7 other"),
        ("welcome/images/logo.png", PNG + b"x"),
        ("_shared/price list.csv", "x"),
    ],
)
def test_other_bytes_are_another_version_and_the_same_bytes_the_same(
    files: ProjectFolder, file: str, content: str | bytes
) -> None:
    path = files.root / "sequences" / file
    before, first = path.read_bytes(), version_id(files)
    files.write(f"sequences/{file}", content)
    assert version_id(files) != first
    files.write(f"sequences/{file}", before)
    assert version_id(files) == first


MISTAKES = [
    ("[terms.pdf]", "[term.pdf]", ["no file 'term.pdf'", "did you mean 'terms.pdf'"]),
    ("[terms.pdf]", "[nowhere.zip]", ["no file 'nowhere.zip': put it at sequences/welcome/nowhere.zip"]),
    ("[terms.pdf]", "[../../secret.pdf]", ["lies outside of the sequence's folder"]),
    ("[terms.pdf]", "[/etc/passwd]", ["lies outside of the sequence's folder"]),
    ("[terms.pdf]", "[way/out.pdf]", ["no file 'way/out.pdf'"]),
    ("[terms.pdf]", "[images]", ["no file 'images'"]),
    ("[terms.pdf]", "[./terms.pdf]", ["must be written plainly: 'terms.pdf'"]),
    ("[terms.pdf]", '["a\\nb.pdf"]', ["control characters", "'a\\nb.pdf'"]),
    ("[terms.pdf]", '["a\\u202Efdp.exe"]', ["control characters"]),
    ("[terms.pdf]", f"[{'ä' * 150}.pdf]", ["longer than"]),
    ("[terms.pdf]", "[empty.pdf]", ["'empty.pdf' is empty"]),
    ("[terms.pdf]", "[large.pdf]", ["'large.pdf' has 5.01 MB", "5 MB", "link to it"]),
    ("[terms.pdf]", "[terms.pdf, terms.pdf]", ["attached twice"]),
    ("[terms.pdf]", "[terms.pdf, _shared/terms.pdf]", ["two attachments of this mail are called 'terms.pdf'"]),
    ("[terms.pdf]", "{terms: pdf}", ["attachments must be a list"]),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES, ids=[mistake[1][:30] for mistake in MISTAKES])
def test_a_mistake_in_attachments_is_told_with_its_line(
    files: ProjectFolder, tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    (tmp_path / "out.pdf").write_bytes(b"secret")
    (files.root / "sequences/welcome/way").symlink_to(tmp_path)
    files.write("sequences/_shared/terms.pdf", b"other terms")
    files.write("sequences/welcome/empty.pdf", b"")
    files.write("sequences/welcome/large.pdf", bytes(MAX_FILE + 10_000))
    text = ATTACHED.replace("[terms.pdf, _shared/price list.csv]", old)
    files.sequence(text.replace(old, new))
    [(file, line, message)] = told(files)
    assert (file, line) == (FILE, text[: text.index(old)].count("\n") + 1)
    assert all(word in message for word in words), message
    assert "\n" not in message


IMAGES = [
    ("<p>\n<img src='images/lgo.png'>", 2, ["no file 'images/lgo.png'", "'images/logo.png'"]),
    ("<p>\n<img src=lgo.png>", 2, ["no file 'lgo.png'"]),
    ("<table>\n<tr>\n<td\nbackground='x.png'></td></tr></table>", 4, ["no file 'x.png'"]),
    ("<img {{ '>' }} alt='>'\n src='/logo.png'>", 2, ["outside of the sequence's folder"]),
    ("{% if view_url %}<img\nsrc='gone.png'>{% endif %}", 2, ["no file 'gone.png'"]),
    ("<!--[if mso]>\n<v:fill src='gone.png'/><![endif]-->", 2, ["no file 'gone.png'"]),
    ("\n<img src='../terms.pdf'>", 2, ["outside of the sequence's folder"]),
    ("\n<img src='terms.pdf'>", 2, ["no image that mail can show", ".png"]),
    ("\n<img src='fake.png'>", 2, ["'fake.png' holds something else"]),
    ("\n<img src='drawing.svg'>", 2, ["most mail readers don't show SVG"]),
    ("\n<p style=\"background: url('images/logo.png')\">x</p>", 2, ["'images/logo.png' is not sent"]),
    ("\n<img src=https://acme.example/x.png srcset='images/logo.png 2x'>", 2, ["'images/logo.png' is not sent"]),
    ("{% include 'part.html' %}", 2, ["no file 'inner.png'"]),
]


@pytest.mark.parametrize(("template", "line", "words"), IMAGES, ids=[image[0][:40] for image in IMAGES])
def test_a_mistake_in_an_image_is_told_with_its_line(
    files: ProjectFolder, template: str, line: int, words: list[str]
) -> None:
    files.write("sequences/welcome/part.html", "<p>\n<img src='inner.png'></p>")
    files.write("sequences/welcome/fake.png", b"<html>")
    files.write("sequences/welcome/drawing.svg", b"<svg/>")
    files.write(PAGE, template)
    [(file, at, message)] = told(files)
    assert (file, at) == ("sequences/welcome/part.html" if "include" in template else PAGE, line)
    assert all(word in message for word in words), message


FINE = [
    "<img src='https://acme.example/x.png'><img src='//acme.example/x'><img src='cid:a@b'><img src='data:image/png,x'>",
    "<img src='{{ view_url | default('x') }}'><img src='{{ view_url }}/x.png'><img src='#x'><img src=''><img>",
    '<img src="{% if view_url %}a.png{% else %}b.png{% endif %}">',
    "<!-- <img src='gone.png'> -->{# <img src='gone.png'> #}{{ \"<img src='gone.png'>\" }}",
    "<img alt=\"see src='gone.png'\" src='images/logo.png'><a href='https://a.example/' background='x'>x</a>",
    '<IMG SRC = images/logo.png><td background="_shared/b&amp;w%20.gif">',
    "<p style='background: url(https://acme.example/x.png)'>src=x</p>",
]


@pytest.mark.parametrize("template", FINE, ids=[template[:40] for template in FINE])
def test_other_addresses_and_real_files_are_left_alone(files: ProjectFolder, template: str) -> None:
    files.write("sequences/_shared/b&w .gif", b"GIF89a...")
    files.write(PAGE, template)
    assert told(files) == []


def test_a_mail_with_too_much_is_refused_where_its_step_stands(files: ProjectFolder) -> None:
    for name in "abc":
        files.write(f"sequences/_shared/{name}.zip", name.encode() * 4_000_000)
    files.sequence(ATTACHED.replace("[terms.pdf, _", "[_shared/a.zip, _shared/b.zip, _shared/c.zip, _"))
    [(file, line, message)] = told(files)
    assert (file, line) == (FILE, ATTACHED[: ATTACHED.index("id: welcome")].count("\n") + 1)
    assert message.startswith("the 5 files of this mail have 12 MB: 10 MB at most")
    listed = "attachments: [_shared/a.zip, _shared/b.zip]"
    text = SEQUENCE.replace("    variants:\n", f"    {listed}\n    variants:\n")
    files.sequence(text.replace("        weight: 2\n", "        weight: 2\n        attachments: [_shared/c.zip]\n"))
    assert told(files) == []


def test_a_version_keeps_its_files_for_good(files: ProjectFolder, warehouse: Warehouse) -> None:
    [first] = tick(files, warehouse, 0)
    names = kept(files)
    assert len(names) == 3
    assert all(hashlib.sha256(BlobStore.of(files.project).read(name)).hexdigest() == name for name in names)
    before = {name: (BlobStore.of(files.project).folder / name).stat().st_mtime_ns for name in names}
    assert tick(files, warehouse, 1) == []
    files.write("sequences/welcome/terms.pdf", b"%PDF-1.7 new")
    [second] = tick(files, warehouse, 2)
    assert second.version_id != first.version_id
    assert len(kept(files)) == 4
    assert {name: (BlobStore.of(files.project).folder / name).stat().st_mtime_ns for name in names} == before
    old = load_version(warehouse, "welcome", first.version_id)
    assert BlobStore.of(files.project).read(old.attached_files["terms.pdf"].sha256) == b"%PDF-1.7 terms"
    assert live_version(warehouse, "welcome").attached_files["terms.pdf"].size == 12


def test_a_sequence_that_is_gone_or_broken_keeps_its_files(files: ProjectFolder, warehouse: Warehouse) -> None:
    [first] = tick(files, warehouse, 0)
    (files.root / "sequences/welcome/terms.pdf").unlink()
    assert tick(files, warehouse, 1) == []
    assert live_version(warehouse, "welcome").version_id == first.version_id
    (files.root / FILE).unlink()
    [deleted] = tick(files, warehouse, 2)
    assert (deleted.file_state, deleted.attached_files) == ("deleted", first.attached_files)


def test_a_kept_file_that_was_lost_comes_back_while_its_sequence_is_live(
    files: ProjectFolder, warehouse: Warehouse
) -> None:
    tick(files, warehouse, 0)
    names = kept(files)
    (BlobStore.of(files.project).folder / names[0]).unlink()
    tick(files, warehouse, 1)
    assert kept(files) == names


def test_a_file_that_changes_under_the_reading_stops_the_tick(files: ProjectFolder, warehouse: Warehouse) -> None:
    catalog = catalog_of(files)
    files.write("sequences/welcome/terms.pdf", b"something else")
    with pytest.raises(DripsError, match=r"terms\.pdf: changed while it was being read"):
        record_catalog(warehouse, catalog, as_of=START, keep=BlobStore.of(files.project))
    assert warehouse.value("select count(*) from journal.sequence_versions") == 0


def test_nothing_is_kept_where_nothing_will_be_sent(files: ProjectFolder, warehouse: Warehouse) -> None:
    [version] = tick(files, warehouse, 0, keep=False)
    assert json.loads(version.attached_files or "{}").keys() == {
        "terms.pdf",
        "images/logo.png",
        "_shared/price list.csv",
    }
    assert kept(files) == []


def test_warehouses_and_commits_from_before_files_still_count(files: ProjectFolder, warehouse: Warehouse) -> None:
    tick(files, warehouse, 0)
    warehouse.execute("alter table journal.sequence_versions drop column attached_files")
    journal = TickJournal(files.root / "data/journal/ticks")
    old = journal.write(
        warehouse,
        as_of=START,
        phase="decided",
        selects={"sequence_versions": "select * from journal.sequence_versions"},
    )
    warehouse.prepare()
    rows = "select sequence_id, version_id, attached_files from journal.sequence_versions order by all"
    before = warehouse.rows(rows)
    assert [row["attached_files"] for row in before] == [None, None]  # project.yml's row too
    journal.ingest(warehouse, old)
    assert warehouse.rows(rows) == before
    warehouse.execute("delete from journal.sequence_versions")
    journal.ingest(warehouse, old)
    assert warehouse.rows(rows) == before
