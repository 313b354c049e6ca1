"""Renderings that share what was prepared: nobody may see that the work was done for somebody else."""

import html as markup
import quopri
import re
from base64 import b64decode
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_drips.links.message_links import LinkMaker
from dagster_drips.links.tokens import Purpose, Tokens
from dagster_drips.templating.context import MessageFacts, message_context
from dagster_drips.templating.templates import compile_step

TOKENS = Tokens(["k" * 32])
TRACKED = LinkMaker("https://mail.acme.example", TOKENS)
UNTRACKED = LinkMaker()
MESSAGE = MessageFacts(
    sequence_id="welcome", step_id="hello", variant_id=None, sender_name="Ada",
    sender_email="ada@acme.example", sender_reply_to=None, trigger_kind="x",
    triggered_at=datetime(2026, 3, 1),
)  # fmt: skip
TEMPLATE = """<html><head><style>.big {font-size: 20px} p {color: {{ lead.color | default('red') }}}</style></head>
<body>{% macro badge(text) %}<b class="big">{{ text }}</b>{% endmacro %}
<p class="{{ lead.kind | default('big') }}">Hi {{ lead.first_name | default('there') }},{% if lead.plan is defined %}
you have {{ lead.plan }}{{ badge(lead.plan) }}{% endif %}</p>
{% for tag in lead.tags | default([]) %}<li title="{{ tag }}">{{ tag }}</li>{% endfor %}
{% set note %}<i>{{ lead.company }}</i>{% endset %}{{ note }}{% filter upper %}{{ lead.company }}{% endfilter %}
<a href="https://acme.example/plans?of={{ lead.company | urlencode }}&amp;x=1">Plans</a>
<a href='https://acme.example/help'>Help</a> <a href="{{ unsubscribe_url }}">Unsubscribe</a> <a href="#top">Up</a>
<!-- [if mso]><a href="https://acme.example/mso">x</a><![endif] --></body></html>"""

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
leads = st.fixed_dictionaries(
    {"company": words},
    optional={
        "first_name": words,
        "plan": words,
        "color": st.sampled_from(["blue", "#fff", "</style><script>"]),
        "kind": st.sampled_from(["big", "small", 'x" onload="evil', ""]),
        "tags": st.lists(words, max_size=3),
    },
)


def compiled(links: LinkMaker, html: str = TEMPLATE, **files: str):
    step = {"id": "hello", "subject": "Hi", "preview_text": "{{ lead.plan | default('') }}", "template": "a.html"}
    return compile_step({"name": "W", "steps": [step]}, {"a.html": html, **files}, "hello", None, links)


def rendered(template, lead, links: LinkMaker, number: int = 1):
    of_message = links.of_message(f"{number:032x}", replies_to="help@acme.example")
    context = message_context(MESSAGE, lead=lead, event=None, sequence_name="W", links=of_message)
    return template.render(context, of_message)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(people=st.lists(leads, min_size=2, max_size=8), tracked=st.booleans())
def test_a_message_is_the_same_whoever_was_rendered_before(people, tracked):
    links = TRACKED if tracked else UNTRACKED
    shared = compiled(links)
    for number, lead in enumerate(people):
        warm = rendered(shared, lead, links, number)
        cold = rendered(compiled(links), lead, links, number)
        assert (warm.subject, str(warm.html), str(warm.text)) == (cold.subject, str(cold.html), str(cold.text))
        assert warm.html.encoded() == cold.html.encoded()


@settings(max_examples=60, deadline=None)
@given(lead=leads)
def test_what_is_encoded_reads_as_the_text_that_was_rendered(lead):
    for text in (message := rendered(compiled(TRACKED), lead, TRACKED)).html, message.text:
        encoded = text.encoded()
        decode = quopri.decodestring if text.body.encoding == "quoted-printable" else b64decode
        assert max(len(line) for line in encoded.split(b"\r\n")) <= 76
        lines = str(text).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
        assert decode(encoded).decode().removesuffix("\r\n").split("\r\n") == lines


def test_a_value_reaches_no_place_where_it_would_be_markup():
    evil = {"company": "<script>alert(1)</script>", "first_name": '"><img src=x onerror=alert(1)>', "tags": ['"x']}
    template = compiled(TRACKED)
    for lead in ({"company": "Acme", "first_name": "Ada", "tags": ["y"]}, evil):
        html = str(rendered(template, lead, TRACKED).html)
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "<SCRIPT" not in html


def test_styles_are_inlined_and_kept_for_those_who_read_them():
    html = str(rendered(compiled(UNTRACKED), {"company": "Acme"}, UNTRACKED).html)
    assert re.search(r'<p class="big" style="[^"]*font-size: 20px', html)
    assert "color: red" in html
    assert "<style>" in html


def test_a_style_that_depends_on_the_lead_is_inlined_for_each():
    template = compiled(UNTRACKED)
    blue = str(rendered(template, {"company": "A", "color": "blue"}, UNTRACKED).html)
    green = str(rendered(template, {"company": "A", "color": "green"}, UNTRACKED).html)
    assert "color: blue" in blue.partition("<p ")[2]
    assert "color: green" in green.partition("<p ")[2]
    assert "blue" not in green


def test_links_lead_to_the_collector_with_the_address_that_was_written():
    html = str(rendered(compiled(TRACKED), {"company": "Q&A, Köln"}, TRACKED).html)
    click, *_ = {found[1] for found in re.finditer(r"/c/([^/\"]+)/", html)}
    assert TOKENS.read_message(click, Purpose.CLICK) == f"{1:032x}"
    unsubscribe, opened = TOKENS.messages(f"{1:032x}", (Purpose.UNSUBSCRIBE, Purpose.OPEN))
    led = [
        TOKENS.read_url(found[1]) for found in re.finditer(r'href="https://mail.acme.example/c/[^/"]+/([^"]+)"', html)
    ]
    assert led == ["https://acme.example/plans?of=Q%26A%2C%20K%C3%B6ln&x=1", "https://acme.example/help"]
    assert f'href="https://mail.acme.example/u/{unsubscribe}"' in html
    assert f'src="https://mail.acme.example/o/{opened}.gif"' in html
    assert 'href="https://acme.example/mso"' in html  # a comment is not ours to change
    assert 'href="#top"' in html


def test_the_plain_text_keeps_the_addresses_as_they_were_written():
    text = str(rendered(compiled(TRACKED), {"company": "Q&A"}, TRACKED).text)
    assert "Plans (https://acme.example/plans?of=Q%26A&x=1)" in text
    assert "Help (https://acme.example/help)" in text


def test_without_a_public_address_nothing_is_tracked():
    html = str(rendered(compiled(UNTRACKED), {"company": "A"}, UNTRACKED).html)
    assert "https://acme.example/help" in html
    assert "/c/" not in html
    assert "<img" not in html


def test_a_link_that_is_a_value_leads_to_the_collector_only_if_it_is_on_the_web():
    template = compiled(TRACKED, '<a href="{{ lead.company }}">x</a>')
    on_the_web = str(rendered(template, {"company": "https://shop.example/?a=1&b=2"}, TRACKED).html)
    elsewhere = str(rendered(template, {"company": "mailto:a@b.example"}, TRACKED).html)
    [token] = re.findall(r"/c/[^/]+/([^\"]+)\"", on_the_web)
    assert TOKENS.read_url(markup.unescape(token)) == "https://shop.example/?a=1&b=2"
    assert 'href="mailto:a@b.example"' in elsewhere


@pytest.mark.parametrize("text", ["日本語のメール" * 50, "Viele Grüße aus der weiten Welt, von uns allen. " * 20])
def test_the_shorter_encoding_is_taken(text):
    message = rendered(compiled(UNTRACKED, f"<p>{text} {{{{ lead.company }}}}</p>"), {"company": "Köln"}, UNTRACKED)
    expected = "base64" if "日" in text else "quoted-printable"
    assert message.html.body.encoding == expected
    assert len(message.html.encoded()) < 2.5 * len(str(message.html).encode())


def test_a_line_end_of_a_value_and_one_of_the_template_are_two_for_all():
    html = rendered(compiled(UNTRACKED, "<p>{{ lead.company }}\n</p>"), {"company": "a\r"}, UNTRACKED).html
    assert str(html) == "<p>a\n\n</p>"
    assert quopri.decodestring(html.encoded()) == b"<p>a\r\n\r\n</p>\r\n"


def test_a_value_that_says_what_the_template_says_elsewhere_is_a_value_still():
    html = "<p>a{% if lead.plan %}{{ lead.plan }}{% else %} xy {% endif %}b<b>{{ lead.company }}</b></p>"
    people = [{"company": "Q"}, {"company": "Q", "plan": " xy "}, {"company": " xy "}, {"company": "Q", "plan": "z"}]
    for order in (people, people[::-1]):
        shared = compiled(TRACKED, html)
        for lead in order:
            warm, cold = rendered(shared, lead, TRACKED), rendered(compiled(TRACKED, html), lead, TRACKED)
            assert (str(warm.html), str(warm.text)) == (str(cold.html), str(cold.text))
            assert warm.html.encoded() == cold.html.encoded()


def test_one_value_in_many_places_is_escaped_as_its_kind_is():
    html = "{{ lead.a }}{{ lead.a | safe }}{{ lead.a }}{{ lead.b }}{{ lead.b }}{{ lead.c }}{{ lead.b ~ lead.c }}"
    lead = {"company": "", "a": "<i>", "b": 1, "c": True}
    assert str(rendered(compiled(UNTRACKED, html), lead, UNTRACKED).html) == "&lt;i&gt;<i>&lt;i&gt;11True1True"
