"""Templates that would get out of their sandbox, and values that would get out of their line."""

from datetime import datetime
from email import message_from_bytes, policy

import pytest

from dagster_drips.links.message_links import LinkMaker
from dagster_drips.message.content import RenderedMessage
from dagster_drips.message.mime import Sender, build_message
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.templating.context import MessageFacts, message_context
from dagster_drips.templating.rendering import RenderError
from dagster_drips.templating.templates import compile_step

LINKS = LinkMaker().of_message("m1", replies_to="help@acme.example")
LEAD = {
    "first_name": "Ada",
    "tags": ["a", "b"],
    "created_at": datetime(2026, 3, 1),
    "score": 7,
    "rate": 0.5,
    "vip": True,
}


def rendered(html: str, *, lead=None, subject="Hi", **files: str) -> RenderedMessage:
    step = {"id": "hello", "subject": subject, "template": "hello.html", "preview_text": "{{ lead.first_name }}"}
    template = compile_step(
        {"name": "W", "steps": [step]},
        {"hello.html": html, "m.html": "{% macro m(a) %}x{% endmacro %}", **files},
        "hello",
        None,
    )
    message = MessageFacts(
        sequence_id="w", step_id="hello", variant_id=None, sender_name="Ada", sender_email="a@b.example",
        sender_reply_to=None, trigger_kind="event", triggered_at=datetime(2026, 3, 1),
    )  # fmt: skip
    event = {"event": "cart", "properties": '{"a": {"b": [1, "x"]}}'}
    context = message_context(message, lead={**LEAD, **(lead or {})}, event=event, sequence_name="W", links=LINKS)
    return template.render(context, LINKS)


ESCAPES = [
    # from a value to its class, and on to everything
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ lead.first_name['__cl' ~ 'ass__'] }}",
    "{{ lead | attr('__class__') }}",
    "{{ lead.tags | map(attribute='__class__') | list }}",
    "{{ lead.tags | map('attr', '__class__') | list }}",
    "{{ lead.tags | groupby('__class__') | list }}",
    "{{ lead.tags | sort(attribute='__class__') }}",
    "{{ lead.tags | sum(attribute='__class__') }}",
    "{{ [lead] | selectattr('__class__', 'ne', '') | map(attribute='name') | list }}",
    "{{ 7 .__class__ }}{{ lead.score.__class__ }}",
    "{{ lead.created_at.__class__.now() }}",
    "{{ lead.created_at.now() }}",
    "{{ lead.created_at.today() }}",
    "{{ lead.created_at.utcnow() }}",
    "{{ lead.created_at.fromtimestamp(0) }}",
    # str.format, which reads attributes by itself
    "{{ '{0.__class__}'.format(lead) }}",
    "{{ '{a.__class__.__mro__}'.format(a=lead) }}",
    "{{ '{0[__class__]}'.format('') }}",
    "{{ '{a.__class__}'.format_map({'a': lead}) }}",
    "{{ ('{0.__class__}' | safe).format(lead) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(lead) }}",
    "{{ (['{0.__class__}'] | map(attribute='format') | first)(lead) }}",
    "{{ '%(__class__)s' % lead }}",
    "{{ ''.format.__self__ }}",
    # functions, macros and what Jinja itself is made of
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{% import 'm.html' as m %}{{ m.m.__init__.__globals__ }}",
    "{% import 'm.html' as m %}{{ m._body_stream }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ range.__self__ }}",
    "{{ dict.mro() }}",
    "{{ dict.__base__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ self._TemplateReference__context.environment }}",
    "{{ self.__init__.__globals__ }}",
    "{% for i in [1] %}{{ loop._iterator }}{{ loop.__class__ }}{% endfor %}",
    "{% for i in [1] %}{{ loop._undefined.__init__.__globals__ }}{% endfor %}",
    "{{ nothing.__class__ }}",
    "{{ nothing._undefined_exception.__init__.__globals__ }}",
    "{{ caller.__globals__ }}",
    "{{ environment }}",
    "{{ context }}",
    "{{ config }}{{ request }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ __import__('os') }}",
    "{{ eval('1') }}",
    "{{ open('/etc/passwd').read() }}",
    # generators, and what can be changed
    "{{ (lead.tags | map('upper')).gi_frame }}",
    "{{ (lead.tags | map('upper')).gi_code }}",
    "{{ (lead.tags | select).gi_frame.f_globals }}",
    "{{ (lead.tags | map('upper')).send(1) }}",
    "{{ (lead.tags | map('upper')).throw(1) }}",
    "{{ lead.tags.append('x') }}",
    "{{ lead.tags.extend(['x']) }}",
    "{{ lead.tags.sort() }}",
    "{{ event.properties.a.update(x=1) }}",
    "{{ event.properties.a.clear() }}",
    "{{ lead.__setitem__('a', 1) }}",
    "{{ 'x'.encode() }}",
    "{{ 'x'.translate({120: 'y'}) }}",
    "{{ 'x'.maketrans({}) }}",
    "{{ lead.score.to_bytes(9) }}",
    # other files
    "{% include '/etc/passwd' %}",
    "{% include '../secret.html' %}",
    "{% include '_layouts/../../secret.html' %}",
    "{% include 'file:///etc/passwd' %}",
    "{% extends '/etc/passwd' %}",
    "{% extends 'https://evil.example/x.html' %}",
    "{% import '../secret.html' as s %}",
    "{% from '/etc/passwd' import root %}",
    "{% include lead.first_name %}",
    "{% include ['/etc/passwd', '../x'] %}",
    # tags that are not there
    "{% do lead.tags.append(1) %}",
    "{% debug %}",
    "{% python %}import os{% endpython %}",
    "{{ await lead }}",
    "{% trans %}x{% endtrans %}",
]
WORDS = (
    "unsafe|no template|is undefined|has no value|has no attribute|has no element|unknown tag|expected token"
    "|not callable|must be|format requires|unsupported|no filter|'__class__'"
)


@pytest.mark.parametrize("html", ESCAPES)
def test_nothing_gets_out_of_the_sandbox(html):
    with pytest.raises(RenderError, match=f"(?i){WORDS}"):
        rendered(html)


def test_what_templates_do_with_values_works():
    html = (
        "{{ lead.first_name.upper() }} {{ lead.first_name.replace('A', 'I') }}"
        " {{ lead.created_at.strftime('%d.%m.%Y') }}"
        " {{ lead.created_at.year }} {{ lead.tags.index('b') }} {{ event.properties.a.b[1] }}"
        " {{ '{:>5}'.format(lead.score) }}"
        " {% for name, value in event.properties.a.items() %}{{ name }}={{ value | join }}{% endfor %}"
        " {{ lead.tags | map('upper') | join('-') }} {{ '%.1f' % lead.rate }} {{ (lead.first_name | e).title() }}"
    )
    assert str(rendered(html).html).endswith("ADA Ida 01.03.2026 2026 1 x     7 b=1x A-B 0.5 Ada")


def project_with(tmp_path, html: str) -> Project:
    (tmp_path / "dbt_project" / "models" / "segments").mkdir(parents=True)
    folder = tmp_path / "sequences" / "welcome"
    folder.mkdir(parents=True)
    (folder / "sequence.yml").write_text(
        "status: active\nsender: {name: Ada, email: ada@acme.example}\ntrigger: {event: lead_created}\n"
        "steps: [{id: one, subject: Hi, template: hello.html}]\n"
    )
    (folder / "hello.html").write_text(html)
    (tmp_path / "secret.html").write_text("SECRET")
    return Project.at(tmp_path)


@pytest.mark.parametrize(
    "named",
    [
        "link.html",
        "folder/secret.html",
        "../../secret.html",
        "/etc/passwd",
        "..\\..\\secret.html",
        "~/x.html",
        "_up/secret.html",
    ],
)
@pytest.mark.parametrize("tag", ["{%% include '%s' %%}", "{%% extends '%s' %%}", "{%% import '%s' as s %%}{{ s }}"])
def test_no_file_outside_of_sequences_becomes_part_of_a_version(tmp_path, named, tag):
    project = project_with(tmp_path, tag % named)
    folder = project.sequences / "welcome"
    (folder / "link.html").symlink_to(tmp_path / "secret.html")
    (folder / "folder").symlink_to(tmp_path)
    (project.sequences / "_up").symlink_to(tmp_path)
    catalog = read_catalog(project, segments=())
    assert catalog.sources == {}
    assert [problem.file for problem in catalog.errors] == ["sequences/welcome/hello.html"]
    assert "SECRET" not in str(catalog.written)


@pytest.mark.parametrize(
    "html",
    [
        "{{ " + "9" * 5_000 + " }}",
        "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
        "{{ " + "[" * 3_000 + " }}",
        "{{ a" + ".b" * 3_000 + " }}",
        "{{ " + "not " * 3_000 + "1 }}",
        "{{ 1" + " + 1" * 3_000 + " }}",
        "{% if a %}" * 2_000 + "{% endif %}" * 2_000,
        "{{ 'x" * 3_000,
        "{#" * 3_000,
    ],
    ids=["digits", "parentheses", "lists", "attributes", "not", "sums", "conditions", "strings", "comments"],
)
def test_a_template_that_jinja_cant_read_is_one_error_of_its_file(tmp_path, html):
    project = project_with(tmp_path, html)
    catalog = read_catalog(project, segments=())
    assert [problem.file for problem in catalog.errors] == ["sequences/welcome/hello.html"]
    assert catalog.sources == {}


def test_a_template_that_is_a_link_out_of_sequences_is_no_template(tmp_path):
    project = project_with(tmp_path, "")
    (project.sequences / "welcome" / "hello.html").unlink()
    (project.sequences / "welcome" / "hello.html").symlink_to(tmp_path / "secret.html")
    catalog = read_catalog(project, segments=())
    assert catalog.sources == {}
    assert "there is no template 'hello.html'" in catalog.errors[0].message


LINES = [
    "Ada\r\nBcc: all@evil.example",
    "Ada\nX-Evil: 1",
    "Ada\rX-Evil: 1",
    "Ada\r\n\r\n<script>",
    "Ada\x0b\x0cX-Evil: 1",
    "Ada\x85X-Evil: 1",
    "Ada\u2028X-Evil: 1\u2029Y: 2",
    "Ada\x00\x1b[31m",
    "=?utf-8?q?Ada=0D=0ABcc:=20all@evil.example?=",
    "Ada" + " " * 2_000 + "x" * 2_000,
    "\u202eevil\ufeff\u200b" * 20,
]


@pytest.mark.parametrize("value", LINES)
def test_a_value_in_a_header_stays_in_its_line(value):
    message = rendered(
        "<p>x</p>", lead={"first_name": value}, subject="Hi {{ lead.first_name }}, {{ lead.first_name | safe }}"
    )
    data = build_message(
        message,
        message_id="m1",
        sequence_id="w",
        step_id="hello",
        sender=Sender("ada@acme.example", value, "help@acme.example"),
        recipient="bob@example.org",
        links=LINKS,
        date=datetime(2026, 3, 1),
    ).data
    head = data.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n")
    parsed = message_from_bytes(data, policy=policy.default)
    assert [name for name in parsed if name in ("Bcc", "X-Evil", "Y")] == []
    assert parsed["To"] == "bob@example.org"
    assert parsed.get_content_type() == "multipart/alternative"
    preview = str(message.html).partition("overflow:hidden")[2].partition("&zwnj;")[0]
    assert "\n" not in preview
    assert "<script" not in preview
