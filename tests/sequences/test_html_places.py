"""Warnings of places where a value decides more than its author meant, and of styles that inlining overrules."""

import pytest

from dagster_drips.sequences.html_places import warnings_of_media, warnings_of_places

from .conftest import ProjectFolder
from .test_mistakes import problems_of


def places(text: str) -> list[tuple[int, str]]:
    return warnings_of_places(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<p title={{ lead.company }}>x</p>", "lead.company stands in title= without quotes"),
        ("<a href=https://x.example/{{ lead.company }}>x</a>", "lead.company stands in href= without quotes"),
        ("<p {{ lead.company }}>x</p>", "lead.company stands inside of <p>"),
        ("<p data-{{ lead.company }}='1'>x</p>", "lead.company stands inside of <p>"),
        ("<script>var a = '{{ lead.company }}'</script>", "lead.company stands in a <script>"),
        ("<style>p { color: {{ event.properties.color }} }</style>", "event.properties.color stands in a <style>"),
        ("<a onclick=\"go('{{ lead.company }}')\">x</a>", "lead.company stands in onclick="),
        ("<a href='{{ lead.website }}'>x</a>", "lead.website decides all of href="),
        ("<a href=\"\n {{ lead.website | default('https://x.example') }}\">x</a>", "decides all of href="),
        ("<img src='{{ event.properties.image }}/a.png'>", "event.properties.image decides all of src="),
        ("<form action='{{ lead.website }}'></form>", "lead.website decides all of action="),
        ("<td background='{{ lead.website }}'></td>", "lead.website decides all of background="),
        ("{{ lead.bio | safe }}", "| safe writes a lead's or event's value as it stands"),
        ("{{ (lead.bio ~ 'x') | upper | safe }}", "| safe writes"),
        ("{% autoescape false %}{{ lead.bio }}{% endautoescape %}", "{% autoescape false %} writes"),
        ("{% for item in event.properties.items %}<a href='{{ item.url }}'>x</a>{% endfor %}", "item.url decides all"),
        ("{% set url = lead.website %}{% set b = url %}<a href='{{ b }}'>x</a>", "b decides all of href="),
        ("{% with url = lead.website %}<a href='{{ url }}'>x</a>{% endwith %}", "url decides all of href="),
        ("<![ if !mso]><p>x</p><![endif]>", "'<![ if !mso]>' is no conditional comment"),
        ("<![CDATA[x]]>", "is no conditional comment"),
    ],
)  # fmt: skip
def test_a_place_where_escaping_is_not_enough_is_told(text, words):
    assert [words in message for _, message in places(f"<div>\n{text}</div>")] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "<a href='{{ unsubscribe_url }}'>x</a><a href={{ view_url }}>y</a>",
        "<a href='https://x.example/{{ lead.company | urlencode }}'>x</a>",
        "<a href='mailto:{{ lead.email }}'>x</a>",
        "<a href=\"{{ 'https://x.example/' ~ lead.lead_id }}\">x</a>",
        "{% set url = 'https://x.example' %}<a href='{{ url }}'>x</a><p title={{ url }}>",
        "<p title='{{ lead.company }}' class=\"{{ lead.plan }}\">{{ lead.company }}</p><!-- {{ lead.company }} -->",
        "<title>{{ lead.company }}</title><script>var a = {{ lead.company | tojson }}</script>",
        "{{ lead.bio | e | safe }}{{ '<b>' | safe }}",
        "<style>p { color: {{ sender.name }} }</style>",
        "<![if !mso]><p>x</p><![endif]><!--[if mso]>y<![endif]--><!--[if !mso]><!-->z<!--<![endif]-->",
        "{% raw %}<a href={{ lead.website }}>{% endraw %}x</a>",
        "{# <a href={{ lead.website }}> #}",
        "{% if lead.plan %}<p>x</p>{% else %}y{% endif %}",
    ],
)
def test_what_is_safe_is_not_told(text):
    assert places(text) == []


def test_a_warning_names_its_line_once():
    text = "<p>\n\n{{ lead.a }}{#\n#}{{\n lead.b }}\n{%- if lead.c %}\n{% endif %}<a href='{{ lead.d }}'>\n"
    assert [line for line, _ in places(text)] == [7]


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        (".c{width:50%}@media (max-width:480px){.c{width:100%}}", "'width' of .c in @media (max-width:480px)"),
        ("td.c{width:50%}@media screen{ .c { width:100% } }", "'width' of .c in @media screen"),
        (".a .c{padding:0}@media (x){.c, .d{padding-left:1px}}", "'padding-left' of .c in @media (x)"),
        (
            "/* } */.c{color:red}\n@supports (a:b){.c{color:blue}}@media (x){@supports (a:b){.c{color:blue}}}",
            "'color' of .c",
        ),
    ],
)
def test_a_media_query_that_inlining_overrules_is_told(sheet, words):
    [(line, message)] = warnings_of_media(f"<style>\n{sheet}</style>")
    assert words in message
    assert "data-css-inline" in message
    assert line == 2 + sheet.count("\n", 0, sheet.index("@media"))


def test_so_is_a_sheet_with_a_media_attribute():
    text = "<style>.c{width:50%}</style>\n<style media='(max-width:480px)'>.c{width:100%}</style>"
    assert [line for line, _ in warnings_of_media(text)] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "<style>.c{width:50%}@media (x){.c{width:100% !important}}</style>",
        "<style>.c{width:50%}@media (x){.c{color:red}.d{width:1px}}</style>",
        '<style data-css-inline="ignore">.c{width:50%}</style><style>@media (x){.c{width:100%}}</style>',
        "<style>@media (x){.c{width:100%}}@media (y){.c{width:50%}}</style>",
        "<style>@font-face{font-family:x;src:url(a)}@media (x){@font-face{font-family:y}}</style>",
        "<style media=print>.c{width:100%}</style>",
        "<!-- <style>.c{width:1px}@media (x){.c{width:2px}}</style> -->",
    ],
)
def test_media_queries_that_hold_are_not_told(text):
    assert warnings_of_media(text) == []


def test_validate_shows_them_with_their_file(folder: ProjectFolder):
    folder.sequence()
    template = "<html><body><p>\n<![ if !mso]>{{ lead.first_name | default('x') | safe }}<![endif]></p></body></html>"
    folder.write("sequences/welcome/welcome.html", template.encode())
    found = [(problem.file, problem.line, problem.severity) for problem in problems_of(folder)]
    assert found == [("sequences/welcome/welcome.html", 2, "warning")] * 2
