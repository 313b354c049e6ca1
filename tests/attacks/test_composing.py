"""Messages that can't be made: whatever goes wrong in making one fails that one, with its cause; the others go out."""

import json
from datetime import datetime

import css_inline
import pytest
from delivery.conftest import AS_OF, WALL, World, due_message
from smtp.servers import ScriptedServer

from dagster_drips.blob_store import BlobStore
from dagster_drips.delivery import composer, routes
from dagster_drips.delivery.composer import Composer
from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.delivery.queue import QueuedMessage
from dagster_drips.delivery.rate_limits import RateKey
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.message import mime, precompiled_body
from dagster_drips.message.attachments import Attachments
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.templating import render_cache, rendering, templates
from dagster_drips.warehouse.port import open_warehouse

pytestmark = pytest.mark.slow

SECOND = f"{2:032x}"


class PanicException(BaseException):
    """As pyo3's, which libraries in Rust raise: no `Exception`."""


PanicException.__module__ = "pyo3_runtime"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.fixture
def world(tmp_path):
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    project = Project.at(tmp_path)
    with open_warehouse(project.warehouse) as warehouse:
        yield World(project, warehouse)


def run(world: World) -> tuple[DispatchReport, list[str]]:
    with ScriptedServer() as server:
        settings = Settings(
            smtp_url=server.url, smtp_connections=2, public_url="https://m.acme.example", secret_keys="k" * 32
        )
        report = dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL)
    return report, sorted(server.accepted)


def detail_of_the_only_failure(world: World, due: int = 3) -> str:
    """The second message failed, all others were sent."""
    report, accepted = run(world)
    assert (report.due, report.sent, report.failed, report.stopped) == (due, due - 1, 1, None)
    assert accepted == sorted({f"{number:032x}" for number in range(1, due + 1)} - {SECOND})
    [failed] = [row for row in world.log() if row["outcome"] == "failed"]
    assert failed["message_id"] == SECOND
    return failed["detail"]


STAGES = [
    (composer, "message_context"),
    (composer, "build_message"),
    (templates, "pieces_of"),
    (templates, "with_inlined_styles"),
    (templates, "plain_text"),
    (templates, "with_tracked_links"),
    (templates, "with_pixel"),
    (templates, "with_preview"),
    (templates.StepTemplate, "render"),
    (render_cache.RenderCache, "of"),
    (precompiled_body.PrecompiledBody, "encoded"),
    (Attachments, "of"),
    (mime, "parse_address"),
    (routes.Route, "provider_headers"),
    (LinkMaker, "url_token"),
]


def fails_for_the_second(monkeypatch, owner, name: str, error: BaseException) -> None:
    now: list[str] = []
    links_of, real = LinkMaker.of_message, getattr(owner, name)

    def of_message(self, message_id, **options):
        now[:] = [message_id]
        return links_of(self, message_id, **options)

    def failing(*args, **kwargs):
        if now == [SECOND]:
            raise error
        return real(*args, **kwargs)

    monkeypatch.setattr(LinkMaker, "of_message", of_message)
    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize(("owner", "name"), STAGES, ids=[name for _, name in STAGES])
def test_an_error_in_any_stage_fails_the_message_that_it_befell(world, monkeypatch, owner, name):
    html = (
        "<html><body><p class='{{ lead.lead_id }}'><a href='https://{{ lead.lead_id }}.example'>x</a></p></body></html>"
    )
    world.add_version({"hello.html": html}, preview_text="{{ lead.first_name }}")
    for number in (1, 2, 3):
        world.add_lead(number)
    fails_for_the_second(monkeypatch, owner, name, LookupError("thrown in"))
    assert detail_of_the_only_failure(world) == "render_error: LookupError: thrown in"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RecursionError("too deep"), "RecursionError: too deep"),
        (ValueError("a value"), "ValueError: a value"),
        (MemoryError(), "MemoryError"),
        (OverflowError("too large"), "OverflowError: too large"),
        (AssertionError("unknown status keyword"), "AssertionError: unknown status keyword"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), "UnicodeEncodeError: "),
        (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
        (css_inline.InlineError("bad"), "InlineError: bad"),
        (StopIteration(), "StopIteration"),
        (PanicException("a panic in Rust"), "PanicException: a panic in Rust"),
        (Unspeakable(), "Unspeakable"),
        (KeyError("two\r\nlines \ud800"), r"KeyError: 'two\r\nlines \ud800'"),
        (RuntimeError("two\r\nlines \ud800" + "x" * 9_000_000), r"RuntimeError: two lines \ud800xxx"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_of_any_kind_fails_its_message_and_is_told(world, monkeypatch, error, words):
    world.add_version()
    for number in (1, 2, 3):
        world.add_lead(number)
    fails_for_the_second(monkeypatch, composer, "build_message", error)
    assert detail_of_the_only_failure(world).startswith(f"render_error: {words}")


def test_a_wish_to_stop_is_no_failure(world, monkeypatch):
    class Interrupted(BaseException):
        """As Dagster's, which ends a run."""

    for error in (KeyboardInterrupt(), SystemExit(), Interrupted()):
        monkeypatch.setattr(Composer, "_message", lambda *_, error=error: (_ for _ in ()).throw(error))
        with pytest.raises(type(error)):
            Composer(LinkMaker(), BlobStore.of(world.project))(None, AS_OF)  # type: ignore[arg-type]


def add_event(world: World, number: int, properties: str) -> None:
    event = {
        "event_id": f"ev{number}",
        "lead_id": f"lead{number}",
        "event": "cart",
        "occurred_at": datetime(2026, 3, 1),
    }
    world.warehouse.append_rows("raw.events", [{**event, "properties": properties, "_load": 1, "_line": number}])
    world.add_lead(number, trigger_kind="event", occurrence_id=f"ev{number}")


@pytest.mark.parametrize(
    "properties",
    [
        '{"a":' * 600 + "1" + "}" * 600,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": "\\ud800"}',
        '{"a": 1e999, ',
        '{"a": "<![x"}{',
        "[1]",
        '"text"',
    ],
    ids=["600 deep", "100,000 deep", "a deep list", "5,000 digits", "a surrogate", "no JSON", "more", "a list", "text"],
)
def test_an_event_that_no_message_can_be_made_of_fails_its_message_only(world, properties):
    world.add_version({"hello.html": "<p>{{ event.properties.a }}</p>"})
    for number, text in enumerate(['{"a": 1}', properties, '{"a": 3}'], 1):
        add_event(world, number, text)
    assert detail_of_the_only_failure(world).startswith("render_error: ")


@pytest.mark.parametrize(
    "value",
    [
        "<![x",
        "<![ if !mso]><p>x</p><![endif]>",
        "<!",
        "<![CDATA[",
        "<!-- ",
        "<style>p{",
        "<a href='",
        "</",
        "<?",
        "&#99999999999;&#x;&#xD800;",
        "\ufdd0" + "7\ufdd1",
    ],
)
def test_markup_that_a_lead_brings_along_harms_nobody(world, value):
    world.add_version({"hello.html": "<style>p{color:red}</style><p>{{ lead.company | default('-') | safe }}</p>"})
    for number in (1, 2, 3):
        world.add_lead(number)
    world.warehouse.execute("update staging.stg_leads set company = ? where lead_id = 'lead2'", [value])
    report, accepted = run(world)
    assert (report.sent, len(accepted)) == (3, 3)


@pytest.mark.parametrize(
    "value",
    ["<div>" * 50_000, "<b>" * 50_000, "<p><b a=1><i>" * 20_000, "<table><tr><td></div><div>" * 20_000],
    ids=["div", "b", "unclosed", "tables"],
)
def test_html_nested_without_end_fails_its_message_and_not_the_process(world, value):
    world.add_version({"hello.html": "<style>p{color:red}</style><p>{{ lead.company | default('-') | safe }}</p>"})
    for number in (1, 2, 3):
        world.add_lead(number)
    world.warehouse.execute("update staging.stg_leads set company = ? where lead_id = 'lead2'", [value])
    assert "elements inside of each other" in detail_of_the_only_failure(world)


def test_a_template_that_cant_be_made_ready_fails_the_messages_of_its_step_only(world, monkeypatch):
    broken = {"steps": [{"id": "hello", "subject": "Hi", "template": "{% ", "attachments": "x"}]}
    versions = [
        ("no JSON", "{", "{}"),
        ("no steps", "{}", "{}"),
        ("no template", json.dumps(broken), "{}"),
        ("deep", json.dumps({"steps": [{"id": "hello", "subject": "(" * 3, "template": "a.html"}]}),
         json.dumps({"a.html": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}"})),
        ("deep html", json.dumps({"steps": [{"id": "hello", "subject": "x", "template": "a.html"}]}),
         json.dumps({"a.html": "<style>p{a:b}</style>" + "<div>" * 50_000})),
        ("no such", None, None),
    ]  # fmt: skip
    world.add_version()
    for number in (1, 2, 3):
        world.add_lead(number)
    for number, (name, definition, files) in enumerate(versions, 4):
        if definition is not None:
            world.warehouse.execute(
                "insert into journal.sequence_versions values ('welcome', ?, ?, 'active', 'valid', ?, ?, null, 1)",
                [name, AS_OF, definition, files],
            )
        world.add_lead(number, version_id=name)
    report, accepted = run(world)
    assert (report.sent, report.failed, accepted) == (3, len(versions), [f"{number:032x}" for number in (1, 2, 3)])
    assert all(row["detail"].startswith("render_error: ") for row in world.log() if row["outcome"] == "failed")


def test_the_marked_section_of_case_01_goes_out(world):
    world.add_version({"hello.html": "<p>a</p><![ if !mso]><p>x</p><![endif]><p>b</p>"})
    world.add_lead(1)
    report, _ = run(world)
    assert report.sent == 1


def test_a_step_that_fails_keeps_no_trace_of_its_messages(world):
    error = rendering.RenderError("broken")
    queued = QueuedMessage(due_message("m"), error, routes.Route(("default",)), RateKey("a@acme.example", "b.example"))
    compose = Composer(LinkMaker(), BlobStore.of(world.project))
    assert {compose(queued, AS_OF).detail for _ in range(3)} == {"render_error: broken"}
    assert error.__traceback__ is None
