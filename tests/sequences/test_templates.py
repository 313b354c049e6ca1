"""What would fail when a template is rendered is found before, and what is fine is left alone."""

from __future__ import annotations

import pytest

from dagster_drips.sequences.catalog import Catalog, read_catalog
from dagster_drips.sequences.segment_files import segment_names

from .conftest import SEQUENCE, TEMPLATE, ProjectFolder

FILE = "sequences/welcome/welcome.html"


def catalog_of(folder: ProjectFolder) -> Catalog:
    return read_catalog(folder.project, segments=segment_names(folder.project))


def found(folder: ProjectFolder, template: str, *, sequence: str = SEQUENCE) -> list[tuple[str, int | None, str]]:
    """(file, line, message) of the errors with that text as the first step's template."""
    folder.sequence(sequence)
    folder.write(FILE, template)
    return [(problem.file, problem.line, problem.message) for problem in catalog_of(folder).errors]


MISTAKES = [
    ("<p>\n{{ lead.frist_name }}</p>", 2, ["'lead.frist_name'", "'lead.first_name'"]),
    ("<p>\n{{ lead['frist_name'] }}</p>", 2, ["'lead.frist_name'", "'lead.first_name'"]),
    ("<p>{{ lead.plan }}</p>", 1, ["'lead.plan'", "fields: in sequences/project.yml", "plan: text"]),
    ("<p>{{ first_name }}</p>", 1, ["'first_name'", "did you mean 'lead.first_name'"]),
    ("<p>{{ unsubscribe_link }}</p>", 1, ["'unsubscribe_link'", "did you mean 'unsubscribe_url'"]),
    ("<p>{{ coupon }}</p>", 1, ["'coupon'", "known: content, event, lead"]),
    ("<p>{{ coupon | upper | default('x') }}{{ coupon }}</p>", 1, ["'coupon'"]),
    ("{% for item in items %}{{ item }}{% endfor %}", 1, ["'items'"]),
    ("<p>{{ sequence.title }}</p>", 1, ["'sequence.title'"]),
    ("<p>{{ sender.reply_to }}</p>", 1, ["sender.reply_to has no value"]),
    ("<p>{{ sender.mail }}</p>", 1, ["'sender.mail'", "'sender.email'"]),
    ("<p>{{ event.happened_at }}</p>", 1, ["'event.happened_at'"]),
    ("<p>\n\n{{ lead.company | uper }}</p>", 3, ["unknown Jinja filter 'uper'", "'upper'"]),
    ("<p>{% if lead.company is defind %}{% endif %}</p>", 1, ["unknown Jinja test 'defind'", "'defined'"]),
    ("<p>\n{% if view_url %}\n</p>", 2, ["broken Jinja"]),
    ("<p>{{ lead.company }</p>", 1, ["broken Jinja"]),
    ("<p>\n{% include 'gone.html' %}</p>", 2, ["no template 'gone.html'"]),
    ("{% extends '_layouts/bsae.html' %}", 1, ["no template '_layouts/bsae.html'", "'_layouts/base.html'"]),
    ("{% include '../secret.html' %}", 1, ["outside of the sequence's folder"]),
    ("{% include lead.email %}", 1, ["must be written out"]),
    ("{% include 'welcome.html' %}", 1, ["includes or extends itself"]),
    ("<div>\n<b>x</div>", 2, ["<b> is not closed", "</div> on line 2"]),
    ("<div>\n<p>x</p>", 1, ["<div> is not closed", "the template ends"]),
    ("<p>x</p>\n</table>", 2, ["</table> closes nothing"]),
    ("<b><i>x</b></i>", 1, ["<i> is not closed"]),
    ("<p>a</p>\n<!-- never", 2, ["comment"]),
    ("{% include 'part.html' %}", 2, ["<em> is not closed"]),
]


@pytest.mark.parametrize(("template", "line", "words"), MISTAKES, ids=[mistake[0][:40] for mistake in MISTAKES])
def test_a_mistake_in_a_template_is_told_with_its_line(
    folder: ProjectFolder, template: str, line: int, words: list[str]
) -> None:
    folder.write("sequences/_layouts/base.html", "<html>{% block content %}{% endblock %}</html>")
    folder.write("sequences/welcome/part.html", "<p>\n<em>x</p>")
    errors = found(folder, template)
    expected_file = "sequences/welcome/part.html" if "part.html" in template else FILE
    assert [(file, at) for file, at, _ in errors] == [(expected_file, line)]
    assert all(word in errors[0][2] for word in words), errors[0][2]


FINE = [
    "{{ lead.anything | default('x') }} {{ lead.lead_id }} {{ lead.tags | default([]) | join(', ') }}",
    "{% if lead.plan is defined %}{{ lead.plan }}{% endif %}",
    "{{ coupon | default('x') }}",
    "{% if coupon is defined and coupon %}{{ coupon }}{% endif %}",
    "{% set greeting = 'Hi' %}{{ greeting }}",
    "{% for number in range(3) %}{{ loop.index }}{{ number }}{% endfor %}",
    "{% macro button(url) %}<a href='{{ url }}'>x</a>{% endmacro %}{{ button(unsubscribe_url) }}",
    "{{ event.properties.plan }} {{ event.properties['a b'] }} {{ event.value }} {{ event.occurred_at }}",
    "{{ sequence.name }} {{ sequence.id }} {{ step.id }} {{ sender.reply_to | default(sender.name) }}",
    "{{ preferences_url }} {{ view_url }}",
    "{% raw %}{{ whatever }}{% endraw %}",
    "{% include 'gone.html' ignore missing %}",
    "{% include ['gone.html', 'part.html'] %}",
    "<p>one<p>two<ul><li>a<li>b</ul><table><tr><td>x<tr><td>y</table><br><img src=//x>",
    "{% if view_url %}<div>{% else %}<div class='x'>{% endif %}y</div>",
    "{% if view_url %}<a href='x'>{% endif %}text{% if view_url %}</a>{% endif %}",
    "<a href=\"{{ 'x' if 1 > 2 else \"y\" }}\" {% if view_url %}class='a'{% endif %}>x</a>",
    "<!--[if mso]><table><tr><td><![endif]--><div>x</div><!--[if mso]></td></tr></table><![endif]-->",
    "<!--[if !mso]><!--><b>x</b><!--<![endif]-->",
    "<![if !mso]><b>x</b><![endif]>",
    "<style>a > b { color: red } /* </b> */</style><o:p></o:p><svg><path d='x'/></svg>",
    "{# <div> #}{{ '<div>' }}<p>1 < 2</p>",
    "{% extends '_layouts/base.html' %}{% set shade = 'red' %}{% block content %}<p>x{{ super() }}</p>{% endblock %}",
    "{% include '_layouts/header.html' %}<tr><td>x</td></tr>{% include '_layouts/footer.html' %}",
    "{% from '_layouts/macros.html' import hello %}{{ hello('x') }}",
    "",
]


@pytest.mark.parametrize("template", FINE, ids=[template[:40] for template in FINE])
def test_a_template_that_renders_has_no_error(folder: ProjectFolder, template: str) -> None:
    layout = "<html>{{ shade | default('') }}{{ shade }}{% block content %}{% endblock %}</html>"
    folder.write("sequences/_layouts/base.html", layout)
    folder.write("sequences/_layouts/header.html", "<table class='a'>")
    folder.write("sequences/_layouts/footer.html", "</table>")
    folder.write("sequences/_layouts/macros.html", "{% macro hello(name) %}Hi {{ name }}{% endmacro %}")
    folder.write("sequences/welcome/part.html", "<p>x</p>")
    assert found(folder, template) == []


def test_a_variable_is_blamed_on_each_line_that_uses_it(folder: ProjectFolder) -> None:
    errors = found(folder, "{{ lead.plan }} {{ lead.plan }}\n{{ lead.plan }}\n{{ lead.plan | default('x') }}")
    assert [line for _, line, _ in errors] == [1, 2]


@pytest.mark.parametrize("trigger", ["event: lead_created", "segment_entered: enterprise"])
@pytest.mark.parametrize("variable", ["event.value", "event.event_id", "event.properties.plan"])
def test_a_built_in_trigger_has_no_event_of_its_own(folder: ProjectFolder, trigger: str, variable: str) -> None:
    sequence = SEQUENCE.replace("event: signup", trigger)
    errors = found(folder, f"<p>{{{{ {variable} }}}}</p>", sequence=sequence)
    assert [(file, line) for file, line, _ in errors] == [(FILE, 1)]
    assert f"'{variable}'" in errors[0][2]
    assert found(folder, f"{{{{ {variable} | default('') }}}}{{{{ event.occurred_at }}}}", sequence=sequence) == []


def test_a_declared_field_is_known(folder: ProjectFolder) -> None:
    folder.write("sequences/project.yml", "fields: {plan: text}")
    assert found(folder, "<p>{{ lead.plan }}</p>") == []


def test_a_project_file_that_is_unreadable_does_not_make_fields_unknown(folder: ProjectFolder) -> None:
    folder.write("sequences/project.yml", "fields: {plan: text")
    assert [file for file, _, _ in found(folder, "<p>{{ lead.plan }}</p>")] == ["sequences/project.yml"]


def test_the_plain_text_beside_a_template_is_checked_and_kept(folder: ProjectFolder) -> None:
    folder.write("sequences/welcome/welcome.txt", "Hi\n{{ lead.nobody }}")
    errors = found(folder, TEMPLATE)
    assert [(file, line) for file, line, _ in errors] == [("sequences/welcome/welcome.txt", 2)]
    folder.write("sequences/welcome/welcome.txt", "Hi < there")
    assert catalog_of(folder).sources["welcome"].files["welcome.txt"] == "Hi < there"


def test_a_layout_is_blamed_once_for_all_sequences_that_use_it(folder: ProjectFolder) -> None:
    folder.write("sequences/_layouts/base.html", "<html>\n{{ nobody }}</html>")
    for sequence_id in ("welcome", "second"):
        folder.sequence(sequence_id=sequence_id)
        folder.write(f"sequences/{sequence_id}/welcome.html", "{% extends '_layouts/base.html' %}")
    catalog = catalog_of(folder)
    assert [(problem.file, problem.line) for problem in catalog.problems] == [("sequences/_layouts/base.html", 2)]
    assert catalog.invalid == {"welcome", "second"}


def test_a_template_outside_of_the_project_is_refused_through_a_link_too(folder: ProjectFolder) -> None:
    outside = folder.root.parent / "outside.html"
    outside.write_text(TEMPLATE)
    folder.sequence()
    (folder.root / FILE).unlink()
    (folder.root / FILE).symlink_to(outside)
    assert "no template 'welcome.html'" in catalog_of(folder).errors[0].message


def test_a_template_that_is_not_utf_8_is_told_with_its_line(folder: ProjectFolder) -> None:
    folder.sequence()
    folder.write(FILE, b"<p>\n\xff</p>")
    problem = catalog_of(folder).problems[0]
    assert (problem.file, problem.line) == (FILE, 2)


def test_the_files_of_a_version_are_all_that_its_templates_use(folder: ProjectFolder) -> None:
    folder.write("sequences/_layouts/base.html", "<html>{% block content %}{% endblock %}</html>")
    folder.write("sequences/welcome/parts/footer.html", "<p>x</p>")
    folder.write("sequences/welcome/unused.html", "{{ broken")
    folder.sequence()
    folder.write(
        FILE, "{% extends '_layouts/base.html' %}{% block content %}{% include 'parts/footer.html' %}{% endblock %}"
    )
    names = set(catalog_of(folder).sources["welcome"].files)
    assert names == {"welcome.html", "short.html", "long.html", "_layouts/base.html", "parts/footer.html"}
