"""What goes out as it stands and is seldom meant is warned of, and what is meant is left alone."""

from __future__ import annotations

import pytest

from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names

from .conftest import SEQUENCE, ProjectFolder

FILE = "sequences/welcome/welcome.html"
LAYOUT = "<html><body>{% block body %}{% endblock %}{% block footer %}-{% endblock %}</body></html>"


def warned(folder: ProjectFolder, template: str, *, sequence: str = SEQUENCE) -> list[tuple[str, int | None, str]]:
    """(file, line, message) of the warnings with that text as the first step's template."""
    folder.write("sequences/project.yml", "fields: {plan: text}")
    folder.sequence(sequence)
    folder.write(FILE, template)
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert not catalog.errors
    return [(problem.file, problem.line, problem.message) for problem in catalog.problems]


@pytest.mark.parametrize(
    ("tag", "instead"),
    [
        ("*|UNSUB|*", "unsubscribe_url"),
        ("*|FNAME|*", "lead.first_name"),
        ("<%= first_name %>", "lead.first_name"),
        ("<%asm_group_unsubscribe_raw_url%>", "unsubscribe_url"),
        ("%unsubscribe_url%", "unsubscribe_url"),
        ("%FIRSTNAME%", "lead.first_name"),
        ("%recipient.first%", "lead.first_name"),
        ("%%First Name%%", "lead.first_name"),
        ("%%=v(@name)=%%", "lead.first_name"),
        ("[[UNSUBSCRIBE_LINK]]", "unsubscribe_url"),
        ("{$name}", "lead.first_name"),
        ("${user.name}", "lead.first_name"),
        ("#{name}", "lead.first_name"),
        ("{first_name}", "lead.first_name"),
    ],
)
def test_a_merge_tag_of_another_tool_is_named_with_what_to_write_instead(folder, tag, instead):
    ((file, line, message),) = warned(folder, f"<p>\nHi {tag}</p>")
    assert (file, line) == (FILE, 2)
    assert tag in message
    assert instead in message


@pytest.mark.parametrize(
    "text",
    [
        "<style>@media screen{a{color:red}}</style>",
        "<p>100% off, 50%, 20 % of {{ event.event }}</p>",
        '<a href="https://acme.example/?q=%C3%A4%AC&x=%20b%20">x</a>',
        "<!-- *|OLD|* -->",
        "<p>{{ {'a': 1}['a'] }}{# *|NOTE|* #}</p>",
        "<p>see [1] and {like this}</p>",
        "{% if lead.plan %}{{ lead.plan }}{% endif %}",
        "{{ lead.plan or 'free' }}",
    ],
)
def test_what_only_looks_like_one_is_left_alone(folder, text):
    assert warned(folder, text) == []


def test_a_subject_is_looked_at_too(folder):
    ((file, line, message),) = warned(folder, "<p></p>", sequence=SEQUENCE.replace("Five minutes", '"For *|FNAME|*"'))
    assert (file, line) == ("sequences/welcome/sequence.yml", 25)
    assert "*|FNAME|*" in message


@pytest.mark.parametrize(
    ("address", "instead"),
    [
        ("/pricing", "https://…/pricing"),
        ("pricing.html", "https://…/pricing.html"),
        ("//acme.example/x", "https://acme.example/x"),
        ("www.acme.example", "https://www.acme.example"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(folder, address, instead):
    ((_, line, message),) = warned(folder, f"<p>\n<a class='b' href='{address}'>x</a></p>")
    assert line == 2
    assert message == f"a mail has no address that '{address}' could start from; write {instead}"


def test_links_that_lead_somewhere_are_left_alone(folder):
    links = ["https://a.example", "mailto:a@a.example", "tel:+49", "#top", "{{ view_url }}", "{% if x is defined %}"]
    assert warned(folder, "".join(f'<a href="{link}">x</a>' for link in links[:-1])) == []


def test_a_block_that_no_layout_has_is_never_shown(folder):
    folder.write("sequences/_layouts/base.html", LAYOUT)
    template = "{% extends '_layouts/base.html' %}\n{% block contents %}Hi{% endblock %}"
    ((_, line, message),) = warned(folder, template)
    assert line == 2
    assert message.startswith("the layout has no block 'contents', so this one is never shown; known: body, footer")


def test_blocks_of_a_layouts_layout_and_blocks_within_blocks_are_known(folder):
    folder.write("sequences/_layouts/base.html", LAYOUT)
    middle = "{% extends '_layouts/base.html' %}{% block body %}{% block inner %}{% endblock %}{% endblock %}"
    folder.write("sequences/_layouts/middle.html", middle)
    template = (
        "{% extends '_layouts/middle.html' %}{% block inner %}{% block mine %}{% endblock %}{% endblock %}"
        "{% block footer %}{% endblock %}"
    )
    assert warned(folder, template) == []


def test_text_outside_of_every_block_is_never_shown(folder):
    folder.write("sequences/_layouts/base.html", LAYOUT)
    template = "{% extends '_layouts/base.html' %}\n{% set x = 1 %}\n<p>Lost</p>\n{% block body %}{% endblock %}"
    ((_, line, message),) = warned(folder, template)
    assert line == 2  # where Jinja's piece of text begins
    assert "outside of every block" in message


def test_a_mail_that_gmail_clips_is_told_by_its_size_with_styles_inlined(folder):
    cells = "<td class='c'>cell</td>" * 2_000
    style = "<style>.c{color:#123456;background:#abcdef;font-family:Arial,Helvetica,sans-serif}</style>"
    assert len(style + cells) < 102 * 1024
    ((_, _, message),) = warned(
        folder, f"<html><head>{style}</head><body><table><tr>{cells}</tr></table></body></html>"
    )
    assert "KB with its styles inlined; Gmail clips what is over 102 KB" in message
    assert warned(folder, f"<html><body><table><tr>{cells}</tr></table></body></html>") == []


def test_a_default_on_a_name_that_nobody_gives_always_stands(folder):
    ((_, _, message),) = warned(folder, "<p>{{ coupon | default('free') }}</p>")
    assert message == (
        "undefined variable 'coupon'; known: content, event, lead, preferences_url, sender, sequence, step,"
        " unsubscribe_url, view_url; its default always stands"
    )


def test_a_value_that_may_be_blank_is_not_warned_of_where_the_template_asks_first(folder):
    asked = "{% if lead.plan and not lead.company %}{{ lead.plan }}{{ lead.company }}{% endif %}"
    assert warned(folder, asked) == []
    assert [line for _, line, _ in warned(folder, "<p>\n{{ lead.plan }}</p>")] == [2]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<style>@media x{#a{color:red}}</style>", "{# begins a Jinja comment, and nothing ends it; in CSS write { #"),
        ("<p>{{{ name }}}</p>", "is another tool's: here it is {{ … }}"),
        ("<p>{{#if plan}}x{{/if}}</p>", "is Handlebars: here it is {% if … %}"),
        ("<p>{{${first_name}}}</p>", "is Braze's: here it is {{ … }}"),
    ],
)
def test_what_jinja_cannot_read_is_told_to_people_who_wrote_no_jinja(folder, source, words):
    folder.sequence()
    folder.write(FILE, source)
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert any(words in problem.message for problem in catalog.errors), [str(problem) for problem in catalog.errors]
