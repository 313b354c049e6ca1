"""Lists of whom not to mail: taken in, given out, and the mistakes in them."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path

import pytest
from conftest import copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands
from dagster_drips.cli.app import app
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

assert commands.__all__


def _drips(root: Path, *arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["suppressions", *map(str, arguments), "--project", str(root)])
    return result.exit_code, result.stdout, result.stderr


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project."""
    for name in ("sequences", "dbt_project"):
        (tmp_path / "project" / name).mkdir(parents=True)
    return tmp_path / "project"


def _landed(project: Path) -> list[dict[str, str]]:
    files = sorted((project / "data" / "landing" / "suppressions").glob("*.csv"))
    return [row for file in files for row in _rows(file.read_text())]


def test_rows_keep_what_they_say_and_get_the_rest_from_the_options(project: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "\ufeffname,Email,reason,occurred_at,topic\nAnn,ann@x.example,complained,2026-01-02,\n"
        "Bob,bob@x.example,,2026-01-03T10:00:00Z,\n\nCid,cid@x.example,,,offers\n"
    )
    code, out, _ = _drips(project, "import", tmp_path / "list.csv", "--reason", "unsubscribed", "--topic", "news")
    assert code == 0
    assert out.startswith("3 rows landed in data/landing/suppressions/imported-")
    ann, bob, cid = _landed(project)
    assert ann == {"email": "ann@x.example", "reason": "complained", "occurred_at": "2026-01-02", "topic": ""}
    assert bob == {
        "email": "bob@x.example",
        "reason": "unsubscribed",
        "occurred_at": "2026-01-03T10:00:00Z",
        "topic": "news",
    }
    # Without a time a later `resubscribed` could not lift it, and an earlier one would: it is as of now.
    assert (cid["topic"], cid["occurred_at"][:2]) == ("offers", "20")


def test_a_plain_list_of_addresses_will_do_and_twice_is_once(project: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("ann@x.example\nbob@x.example\n")
    for _ in range(2):
        assert _drips(project, "import", tmp_path / "list.txt")[0] == 0
    assert [(row["email"], row["reason"], row["occurred_at"]) for row in _landed(project)] == [
        ("ann@x.example", "manual", ""),
        ("bob@x.example", "manual", ""),
    ]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("email\nann@x.example\nnobody\n", [], "list.csv:3: not an address: 'nobody'; nothing was imported"),
        (
            "email\nx y\nann@x.example\n@b.example\n",
            [],
            "list.csv:2: not an address: 'x y'; nothing was imported (and 1",
        ),
        ("email\n@b.example\n", [], "list.csv:2: a whole domain can't be suppressed, only addresses: '@b.example'"),
        ("email\n*@b.example\n", [], "list.csv:2: a whole domain can't be suppressed"),
        ("email\nann@x.example bob@x.example\n", [], "list.csv:2: not an address"),
        ("email\nann@@x.example\n", [], "list.csv:2: not an address"),
        ("email\nann@\n", [], "list.csv:2: not an address"),
        ("email,reason,occurred_at\na@x.example,resubscribed,once\n", [], "list.csv:2: not an instant: 'once'"),
        ("a@x.example,b@x.example\n", [], "list.csv:1: no column `email`"),
        ("name\nAnn\n", [], "list.csv:1: no column `email`"),
        ("\n", [], "list.csv: there is nothing in it"),
        ('email\n"a@x\n', [], "list.csv: not CSV"),
        ("email\nann@x.example\n", ["--topic", "news"], "a topic goes with unsubscribed and resubscribed only"),
    ],
)
def test_a_mistake_in_a_list_lands_nothing(
    text: str, options: list[str], words: str, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text(text)
    code, out, err = _drips(project, "import", tmp_path / "list.csv", *options)
    assert (code, out) == (1, "")
    assert words in err
    assert _landed(project) == []


@pytest.mark.parametrize(
    "text",
    [
        "Ann Lee <ann@x.example>\nmailto:bob@x.example\n",
        "ann@x.example;Ann\nbob@x.example;Bob\n",
        "ann@x.example\tAnn\nbob@x.example\tBob\n",
        "Name;E-Mail\nAnn;ann@x.example\nBob;bob@x.example\n",
        'sep=;\n"Lee, Ann";Email\nx;ann@x.example\ny;bob@x.example\n',
        '"Lee, Ann" <ann@x.example>\n<bob@x.example>\n',
        "Email Address\nann@x.example,\nmailto:bob%40x.example?subject=x\n",
        "'ann@x.example'\n\ufeffbob@x.example\n",
    ],
)
def test_an_address_is_taken_out_of_what_other_tools_write_around_it(text: str, project: Path, tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "list.txt").write_bytes(text.encode(encoding))
        assert _drips(project, "import", tmp_path / "list.txt")[0] == 0
    assert [row["email"] for row in _landed(project)] == ["ann@x.example", "bob@x.example"]


def test_a_reason_or_a_time_that_is_not_known_loses_no_wish(project: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "email,reason,occurred_at\nann@x.example,angry,\nbob@x.example,Unsubscribed,once\ncid@x.example,BOUNCED,\n"
    )
    code, _, err = _drips(project, "import", tmp_path / "list.csv")
    assert code == 0
    assert "list.csv:2: not a known reason: 'angry'; taken as manual (L3)" in err
    assert "list.csv:3: not an instant: 'once'; it holds from the start (L3)" in err
    assert [(row["reason"], row["occurred_at"]) for row in _landed(project)] == [
        *(("manual", ""), ("unsubscribed", "once"), ("bounced", ""))
    ]


def test_what_is_missing_is_told(project: Path, tmp_path: Path) -> None:
    assert "say which file to import" in _drips(project, "import")[2]
    assert "can't be read" in _drips(project, "import", tmp_path / "none.csv")[2]
    assert "there is no warehouse yet" in _drips(project, "export")[2]
    assert _drips(project, "export", tmp_path / "list.csv")[0] == 2


def _tick(project: Project, as_of: datetime) -> None:
    pipeline = Pipeline.of(project)
    with open_warehouse(project.warehouse) as warehouse:
        pipeline.begin(warehouse, as_of)
        pipeline.load_sequences(warehouse)
        pipeline.load_landing(warehouse, ("leads", "events", "suppressions", "engagement"))
        pipeline.decide(warehouse)


@pytest.mark.slow
def test_what_is_exported_is_who_is_suppressed_now_and_can_be_imported(tmp_path: Path, project: Path) -> None:
    ours = copy_project(tmp_path / "ours")
    folder = ours.landing / "suppressions"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(
        "email,reason,occurred_at,topic\n"
        "Ann@X.example,unsubscribed,2026-01-02,news\n"
        "bob@x.example,unsubscribed,2026-01-02,\n"
        "bob@x.example,resubscribed,2026-01-03,\n"
        "cid@x.example,bounced,,\n"
        "dan@x.example,complained,2026-09-01,\n"
    )
    _tick(ours, datetime(2026, 2, 1))
    code, out, _ = _drips(ours.root, "export")
    assert code == 0
    assert out == (
        "email,reason,occurred_at,topic\n"
        "ann@x.example,unsubscribed,2026-01-02T00:00:00Z,news\n"
        "cid@x.example,bounced,,\n"
    )
    assert _drips(ours.root, "export", "--out", tmp_path / "list.csv")[0] == 0
    assert (tmp_path / "list.csv").read_text() == out
    assert _drips(project, "import", tmp_path / "list.csv")[0] == 0
    assert _landed(project) == _rows(out)
