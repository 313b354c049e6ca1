"""Attachments and images from a sequence's folder to the mail that a server gets."""

import hashlib
import json
from email.message import EmailMessage

import pytest
from smtp.servers import ScriptedServer

from dagster_drips.blob_store import BlobStore, FileFacts
from dagster_drips.delivery.dispatch import dispatch
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.message import attachments as attachments_module
from dagster_drips.message.attachments import Attachments
from dagster_drips.message.content import Attachment
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.versions import record_catalog
from dagster_drips.templating.html_images import with_content_ids
from dagster_drips.templating.rendering import RenderError
from dagster_drips.templating.templates import compile_step

from .conftest import AS_OF, WALL, World

PDF = b"%PDF-1.7\r\n.\r\nterms\n\x00\xff" * 500
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
GIF = b"GIF89a" + bytes(100)
SEQUENCE = """\
name: Welcome series
status: active
sender: {name: Ada, email: ada@acme.example}
trigger: {event: signup}
steps:
  - id: hello
    subject: Hello
    template: hello.html
    attachments: ["Geschäftsbedingungen, 1\\"2.pdf", plain.txt]
  - id: choice
    subject: Choice
    attachments: [plain.txt]
    template: hello.html
  - id: bare
    subject: Bare
    template: bare.html
"""
PAGE = """\
{% extends "_layouts/base.html" %}{% block content %}
<p>Hi {{ lead.first_name | default('you') }} <img src="images/logo.png" alt="Acme's logo">
<img src='{{ "images/logo.png" }}' alt="computed"></p>{% endblock %}
"""
LAYOUT = """\
<html><head><style>p { color: red }</style></head><body>
<table background="_layouts/dot.gif"><tr><td>{% block content %}{% endblock %}</td></tr></table>
<img src="images/logo.png" alt=""></body></html>
"""
NAME = 'Geschäftsbedingungen, 1"2.pdf'


@pytest.fixture
def live(world: World) -> World:
    """The sequence above as a tick has it live; its version is `world.version_id`."""
    for name, content in {
        "welcome/sequence.yml": SEQUENCE,
        "welcome/hello.html": PAGE,
        "welcome/bare.html": "<p>Nothing but words</p>",
        "_layouts/base.html": LAYOUT,
        "_layouts/dot.gif": GIF,
        "welcome/images/logo.png": PNG,
        f"welcome/{NAME}": PDF,
        "welcome/plain.txt": "Grüße\n",
    }.items():
        path = world.project.sequences / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    record(world)
    return world


def record(world: World) -> str:
    catalog = read_catalog(world.project, segments=[])
    assert catalog.problems == []
    record_catalog(world.warehouse, catalog, as_of=AS_OF, keep=BlobStore.of(world.project))
    return catalog.sources["welcome"].version_id


def add_lead(world: World, number: int, step_id: str = "hello") -> str:
    version_id = world.warehouse.value("select version_id from raw.sequences")
    return world.add_lead(number, step_id=step_id, version_id=version_id)


def sent(world: World, settings_for) -> dict[str, EmailMessage]:
    with ScriptedServer() as server:
        dispatch(world.project, world.warehouse, settings_for(server.url), as_of=AS_OF, now=lambda: WALL)
    assert not [message.defects for message in server.messages if message.defects]
    return {message["X-Drips-Message-Id"]: message for message in server.messages}


def test_attachments_and_images_arrive_byte_for_byte(live, settings_for):
    message_id = add_lead(live, 1)
    message = sent(live, settings_for)[message_id]
    assert message.get_content_type() == "multipart/mixed"
    related, terms, words = message.iter_parts()
    assert (terms.get_filename(), terms.get_content_type()) == (NAME, "application/pdf")
    assert (terms.get_content_disposition(), terms.get_content()) == ("attachment", PDF)
    assert (words.get_filename(), words.get_content_type(), words.get_content()) == (
        "plain.txt",
        "text/plain",
        "Grüße\n",
    )
    assert related.get_content_type() == "multipart/related"
    body, *images = related.iter_parts()
    assert body.get_content_type() == related.get_param("type") == "multipart/alternative"
    text, html = (part.get_content() for part in body.iter_parts())
    assert text == "Hi Ada Acme's logo computed\r\n"
    shown = {image["Content-ID"].strip("<>"): image for image in images}
    assert [(image.get_filename(), image.get_content_disposition()) for image in images] == [
        ("dot.gif", "inline"),
        ("logo.png", "inline"),
    ]
    dot, logo = shown
    assert (shown[dot].get_content(), shown[logo].get_content()) == (GIF, PNG)
    assert html.count(f'src="cid:{logo}"') == 2
    assert f'background="cid:{dot}"' in html
    assert "src='images/logo.png'" in html, "a value names no file"


def test_a_message_has_only_the_files_of_its_own_step(live, settings_for):
    choice, bare = add_lead(live, 1, "choice"), add_lead(live, 2, "bare")
    messages = sent(live, settings_for)
    assert [part.get_filename() for part in messages[choice].walk() if part.get_filename()] == [
        "dot.gif",
        "logo.png",
        "plain.txt",
    ]
    assert messages[bare].get_content_type() == "multipart/alternative"


def test_a_version_is_sent_with_the_bytes_it_had(live, settings_for):
    message_id = add_lead(live, 1)
    (live.project.sequences / "welcome" / NAME).write_bytes(b"%PDF-1.7 newer")
    (live.project.sequences / "welcome/images/logo.png").unlink()
    message = sent(live, settings_for)[message_id]
    assert [part.get_content() for part in message.walk() if part.get_filename() in (NAME, "logo.png")] == [PNG, PDF]


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_file_that_is_lost_fails_its_messages_and_no_others(live, settings_for, harm):
    lost, other, again = add_lead(live, 1), add_lead(live, 2, "choice"), add_lead(live, 3)
    folder = BlobStore.of(live.project).folder
    [path] = [path for path in folder.iterdir() if path.read_bytes() == PDF]
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(PDF + b"x")
    messages = sent(live, settings_for)
    assert messages.keys() == {other}
    assert live.outcomes() == {lost: "failed", other: "sent", again: "failed"}
    [detail] = {row["detail"] for row in live.log() if row["outcome"] == "failed"}
    assert detail.startswith(f"render_error: file '{NAME}': ")
    assert harm in detail
    assert path.name in detail


def test_an_old_version_without_files_is_sent_as_ever(world, settings_for):
    world.add_version({"hello.html": "<p><img src='images/logo.png'>x</p>"})
    message_id = world.add_lead(1)
    message = sent(world, settings_for)[message_id]
    assert message.get_content_type() == "multipart/alternative"
    assert b"images/logo.png" in message.as_bytes()


def test_the_same_bytes_have_the_same_content_id_under_any_name():
    facts = FileFacts("ab" * 32, 3, "image/png")
    step = {"id": "a", "subject": "s", "template": "a.html"}
    page = "<p>{{ lead.x }}<img src=a.png><img src='b.png'></p>"
    template = compile_step(
        {"steps": [step]}, {"a.html": page}, "a", None, attached_files={"a.png": facts, "b.png": facts}
    )
    links = LinkMaker().of_message("m", replies_to="a@b.example")
    rendered = template.render({"lead": {"x": "1"}}, links)
    assert str(rendered.html) == "<p>1<img src=cid:{0}><img src='cid:{0}'></p>".format("ab" * 16 + "@drips")
    assert [one.facts for one in rendered.attachments] == [facts]


def test_a_value_can_not_ask_for_a_file():
    facts = FileFacts("ab" * 32, 3, "image/png")
    step = {"id": "a", "subject": "s", "template": "a.html"}
    page = "<p>{{ lead.x }}{{ lead.x | safe }}<img src='{{ lead.y }}'></p>"
    template = compile_step({"steps": [step]}, {"a.html": page}, "a", None, attached_files={"a.png": facts})
    values = {"x": "<img src='a.png'>", "y": "a.png"}
    rendered = template.render({"lead": values}, LinkMaker().of_message("m", replies_to="a@b.example"))
    assert rendered.attachments == ()


def test_a_version_that_lacks_an_attachment_can_not_be_rendered():
    step = {"id": "a", "subject": "s", "template": "a.html", "attachments": ["x.pdf"]}
    with pytest.raises(RenderError, match=r"no file 'x\.pdf'"):
        compile_step({"steps": [step]}, {"a.html": "x"}, "a", None)


def test_a_variants_attachments_take_the_place_of_the_steps():
    facts = {name: FileFacts(name * 64, 1, "text/plain") for name in "ab"}
    own = {"own": {"attachments": ["b"]}, "steps": {}, "none": {"attachments": []}}
    variants = [{"id": name, "subject": "s", "template": "a.html", **more} for name, more in own.items()]
    definition = {"steps": [{"id": "a", "attachments": ["a"], "variants": variants}]}
    links = LinkMaker().of_message("m", replies_to="a@b.example")
    found = {
        name: [
            one.name
            for one in compile_step(definition, {"a.html": "x"}, "a", name, attached_files=facts)
            .render({}, links)
            .attachments
        ]
        for name in own
    }
    assert found == {"own": ["b"], "steps": ["a"], "none": []}


def test_files_are_encoded_once_and_let_go_when_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(attachments_module, "MEMORY", 200)
    kept = BlobStore(tmp_path / "files")
    wanted = []
    for number in range(3):
        source = tmp_path / f"{number}.bin"
        source.write_bytes(bytes([number]) * 60)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        kept.keep(source, digest)
        wanted.append(Attachment(source.name, FileFacts(digest, 60, "application/octet-stream"), shown=False))
    files = Attachments(kept)
    [first] = files.of((wanted[0],))
    assert files.of((wanted[0],))[0].encoded is first.encoded
    files.of((wanted[1],))
    files.of((wanted[2],))
    [again] = files.of((wanted[0],))
    assert again == first
    assert again.encoded is not first.encoded


def test_a_template_keeps_every_other_character():
    page = "{{ '>' }}\r\n<IMG alt=\"src='a.png'\"\n SRC = 'a.png' ><td background=a.png>é {# <img src='a.png'> #}"
    assert with_content_ids(page, {"a.png": "X"}) == page.replace("SRC = 'a.png'", "SRC = 'cid:X'").replace(
        "background=a.png", "background=cid:X"
    )
    assert with_content_ids(page, {}) == page


def test_what_the_journal_knows_of_a_file_is_in_the_warehouse(live):
    value = live.warehouse.value("select attached_files from journal.sequence_versions where sequence_id = 'welcome'")
    assert json.loads(value)["images/logo.png"] == {
        "sha256": hashlib.sha256(PNG).hexdigest(),
        "size": len(PNG),
        "content_type": "image/png",
    }
