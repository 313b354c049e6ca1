"""Rendering: what a template sees, what it may not do, and the texts that come of it."""

from datetime import datetime

import pytest

from dagster_drips.links.message_links import LinkMaker
from dagster_drips.templating.context import MessageFacts, message_context
from dagster_drips.templating.plain_text import plain_text
from dagster_drips.templating.rendering import MAX_RENDERED, RenderError
from dagster_drips.templating.templates import compile_step

LINKS = LinkMaker().of_message("m1", replies_to="help@acme.example")
MESSAGE = MessageFacts(
    sequence_id="welcome",
    step_id="hello",
    variant_id=None,
    sender_name="Ada",
    sender_email="ada@acme.example",
    sender_reply_to=None,
    trigger_kind="event",
    triggered_at=datetime(2026, 3, 1),
)


def rendered(html: str, *, lead=None, event=None, files=None, **step):
    definition = {"name": "Welcome", "steps": [{"id": "hello", "subject": "Hi", "template": "hello.html", **step}]}
    compiled = compile_step(definition, {"hello.html": html, **(files or {})}, "hello", None)
    context = message_context(MESSAGE, lead=lead or {}, event=event, sequence_name="Welcome", links=LINKS)
    return compiled.render(context, LINKS)


def test_default_covers_a_null_and_a_missing_column():
    html = "{{ lead.first_name | default('there') }} {{ lead.nothing | default('-') }}"
    assert str(rendered(html, lead={"first_name": None}).html) == "there -"


def test_a_bare_use_of_a_null_says_which_value_was_missing():
    with pytest.raises(RenderError, match=r"hello\.html: lead\.first_name has no value"):
        rendered("Hi {{ lead.first_name }}", lead={"first_name": None})


def test_values_are_escaped_in_html_and_left_alone_in_subject_and_text():
    message = rendered(
        "<p>{{ lead.company }}</p>",
        lead={"company": "Q&A <b>"},
        subject="To {{ lead.company }}",
        files={"hello.txt": "For {{ lead.company }}"},
    )
    assert (message.subject, str(message.html), str(message.text)) == (
        "To Q&A <b>",
        "<p>Q&amp;A &lt;b&gt;</p>",
        "For Q&A <b>",
    )


def test_a_field_that_is_named_like_a_method_is_the_field():
    event = {"event_id": "e", "event": "cart", "properties": '{"items": 2, "copy": {"keys": "k"}, "none": null}'}
    html = "{{ event.properties.items }} {{ event.properties.copy.keys }} {{ event.properties.none | default('-') }}"
    assert str(rendered(html, event=event).html) == "2 k -"


def test_built_in_triggers_give_an_event_without_properties():
    html = "{{ event.event }} {{ event.occurred_at.year }} {{ event.properties.x | default('-') }}"
    assert str(rendered(html).html) == "event 2026 -"


def test_our_own_columns_of_a_lead_stay_hidden():
    with pytest.raises(RenderError, match=r"lead\._load has no value"):
        rendered("{{ lead._load }}", lead={"_load": 7})


def test_layouts_are_extended_from_the_version_and_the_preheader_stands_first_in_the_body():
    layout = "<html><body class='x'>{% block main %}{% endblock %}</body></html>"
    html = "{% extends '_layouts/base.html' %}{% block main %}<p>Hi</p>{% endblock %}"
    message = rendered(html, files={"_layouts/base.html": layout}, preview_text="Five & a half minutes")
    head, _, rest = str(message.html).partition("<body class='x'>")
    assert head == "<html>"
    assert rest.startswith('<div style="display:none;')
    assert "max-height:0" in rest
    assert "mso-hide:all" in rest
    assert "Five &amp; a half minutes&zwnj;&nbsp;" in rest
    assert str(message.text) == "Hi\n"


def test_blocks_macros_and_what_is_set_are_written_once_each():
    layout = "{% block a %}[{{ lead.x }}]{% endblock %}{% block b %}{{ self.a() }}{% endblock %}"
    html = (
        "{% extends 'base.html' %}{% block a %}{{ super() }}+{{ lead.x }}{% endblock %}"
        "{% block b %}{% set s %}<i>{{ super() }}</i>{% endset %}{{ s }}{{ s | upper }}"
        "{% macro m(a) %}<{{ a }}>{{ caller() }}{% endmacro %}{% call m('b') %}{{ lead.x }}{% endcall %}"
        "{% for x in [1, [2, [3]]] recursive %}{{ loop(x) if x is iterable else x }}{% endfor %}"
        "{% filter upper %}{{ lead.x }}q{% endfilter %}{% endblock %}"
    )
    message = rendered(html, lead={"x": "a&b"}, files={"base.html": layout})
    assert str(message.html) == (
        "[a&amp;b]+a&amp;b<i>[a&amp;b]+a&amp;b</i><I>[A&AMP;B]+A&AMP;B</I><b>a&amp;b123A&AMP;BQ"
    )


def test_a_variant_replaces_what_it_names():
    step = {
        "id": "hello",
        "subject": "Long",
        "variants": [{"id": "short", "subject": "Short", "template": "s.html"}, {"id": "long", "template": "l.html"}],
    }
    context = message_context(MESSAGE, lead={}, event=None, sequence_name="W", links=LINKS)
    files = {"s.html": "s", "l.html": "l"}
    texts = [compile_step({"steps": [step]}, files, "hello", name).render(context, LINKS) for name in ("short", "long")]
    assert [(text.subject, str(text.html)) for text in texts] == [("Short", "s"), ("Long", "l")]


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ lead.tags.append('x') }}", "unsafe"),
        ("{% include '/etc/passwd' %}", "no template"),
        ("{% include '../secret.html' %}", "no template"),
        ("{% extends 'https://evil.example/x.html' %}", "no template"),
        ("{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}", "turns of loops"),
        ("{{ 'x' * 100000000 }}", "longer"),
        ("{{ 'x'.ljust(100000000) }}", "longer"),
        ("{{ 'x' | center(100000000) }}", "longer"),
        ("{{ '%0100000000d' % 1 }}", "wider"),
        ("{{ '%0100000000d' | format(1) }}", "wider"),
        ("{{ '{:0100000000}'.format(1) }}", "wider"),
        ("{{ 9 ** (9 ** 9) }}", "power"),
        ("{% for i in range(2000) %}{{ 'x' * 1000 }}{% endfor %}", f"longer than {MAX_RENDERED}"),
        ("{% for i in range(2000) %}{{ 'é' * 400 }}{% endfor %}", f"longer than {MAX_RENDERED} bytes"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ lipsum() }}", "lipsum"),
    ],
)
def test_a_template_can_neither_escape_nor_run_away(html, words):
    with pytest.raises(RenderError, match=words):
        rendered(html, lead={"tags": ["a"]})


def test_a_broken_template_names_its_line():
    with pytest.raises(RenderError, match=r"hello\.html: line 2: "):
        rendered("<p>\n{% if %}</p>")


def test_an_empty_subject_is_an_error():
    with pytest.raises(RenderError, match="subject: it is empty"):
        rendered("<p>x</p>", subject=" {{ lead.x | default('') }} ")


def test_links_without_a_public_address_come_back_by_mail():
    message = rendered("{{ unsubscribe_url }} {{ preferences_url }} [{{ view_url }}]")
    mailto = "mailto:help@acme.example?subject=unsubscribe%20m1"
    assert str(message.html) == f"{mailto} {mailto} []"


def test_derived_text_is_readable_and_keeps_its_links():
    html = """<html><head><title>No</title><style>p {color: red}</style></head><body>
    <div style="display: none">hidden <br> <img src="x"></div>
    <h1>Welcome,
       Ada</h1><p>Read <a href="https://acme.example/guide?a=1&amp;b=2">the guide</a>,
    or <a href="mailto:help@acme.example">help@acme.example</a>.</p>
    <ul><li>One</li><li>Two &amp; three</li></ul><table><tr><td>a</td><td>b</td></tr></table>
    <p>Line<br>break</p><img alt="Logo" src="x"></body></html>"""
    assert plain_text(html) == (
        "Welcome, Ada\n\nRead the guide (https://acme.example/guide?a=1&b=2),"
        " or help@acme.example.\n\n- One\n- Two & three\n\na b\n\nLine\nbreak\n\nLogo\n"
    )
