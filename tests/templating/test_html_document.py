"""HTML before it is sent: as browsers read it, byte for byte but for what is put in."""

import html as markup
import re

import pytest

from dagster_drips.message.precompiled_body import placeholder
from dagster_drips.templating.html_document import deciding_placeholders, with_pixel, with_preview, with_tracked_links
from dagster_drips.templating.html_tokens import Aside, Tag, Words, attribute_value, tokens
from dagster_drips.templating.inlined_styles import MarkupLimit, with_inlined_styles
from dagster_drips.templating.plain_text import plain_text


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("?a=1&region=eu&currency=EUR&timestamp=5&section=2&copy=1&params=x", None),
        ("?a=1&copy", "?a=1©"),
        ("?a=1&copy;=2", "?a=1©=2"),
        ("?a=1&copy2", None),
        ("?a=1&notit;=1", None),
        ("?a=1&amp;b=2&#38;c=3&#x26;d", "?a=1&b=2&c=3&d"),
        ("?a=1&ampx=1&amp=2", None),
        ("&notin;&not;&not", "∉¬¬"),
        ("&unknown;&&", None),
        ("&#128;&#0;&#xD800;", "€\ufffd\ufffd"),
    ],
)
def test_references_in_attributes_are_read_as_browsers_read_them(source, value):
    assert attribute_value(source) == (source if value is None else value)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ('<a href="https://x.example/?a=1&region=eu&copy=1">', "https://x.example/?a=1&region=eu&copy=1"),
        ("<a href=https://x.example/a>", "https://x.example/a"),
        ("<a href=https://x.example/a/>", "https://x.example/a/"),
        ('<a class="b"href="https://x.example/b">', "https://x.example/b"),
        ("<a\nhref\n=\n'https://x.example/c'\n>", "https://x.example/c"),
        ('<A HREF="https://x.example/d">', "https://x.example/d"),
        ("<a/href=https://x.example/e>", "https://x.example/e"),
        ('<a href="\n https://x.example/\n  f\tg \r\n">', "https://x.example/  fg"),
        ('<a title=">" href="https://x.example/g">', "https://x.example/g"),
        ('<a title=\'a"b\' href="https://x.example/h">', "https://x.example/h"),
        ('<a href="https://x.example/i" href="https://evil.example">', "https://x.example/i"),
        ('<a =x href="https://x.example/j">', "https://x.example/j"),
        ('<a href="&#104;ttps://x.example/k">', "https://x.example/k"),
        ('<area shape="rect" href="https://x.example/l"/>', "https://x.example/l"),
        ('<!--[if !mso]><!--><a href="https://x.example/m"><!--<![endif]-->', "https://x.example/m"),
        ('<![if !mso]><a href="https://x.example/n"><![endif]>', "https://x.example/n"),
        ('<p a="<a href=x>"><a href="https://x.example/o">', "https://x.example/o"),
        ("<!--><a href=https://x.example/p>", "https://x.example/p"),
        ("<!-- a --!><a href=https://x.example/q>", "https://x.example/q"),
        ("3 < 4 <a href=https://x.example/r>", "https://x.example/r"),
    ],
)
def test_a_link_is_tracked_however_it_is_written_and_nothing_else_changes(source, address):
    seen: list[str] = []

    def lead(url: str) -> str:
        seen.append(url)
        return "https://t.example/?a&b"

    document = f"<p>{source}go</a></p>"
    before, after = with_tracked_links(document, lead).split('"https://t.example/?a&amp;b"')
    assert seen == [address]
    assert document.startswith(before)
    assert document.endswith(after)


@pytest.mark.parametrize(
    "source",
    [
        '<!--[if mso]><a href="https://x.example/a">go</a><![endif]-->',
        "<style>/* <a href=https://x.example> */</style>",
        "<script>'<a href=https://x.example>'</script>",
        "<title><a href=https://x.example></title>",
        "<abbr href=https://x.example>",
        "<a name=x>",
        "<a data-href=https://x.example>",
        "<a href='https://x.example>",
    ],
)
def test_what_is_no_link_to_a_browser_is_left(source):
    assert with_tracked_links(source, lambda _: "https://t.example") == source


@pytest.mark.parametrize(
    ("source", "before"),
    [
        ("<html><body><p>x</p></body></html>", "<html><body>"),
        ('<!--[if mso]><body><![endif]-->\n<!--[if !mso]><!--><body class="main"><!--<![endif]-->', 'class="main">'),
        ('<body title="a > b" bgcolor="#fff">x', 'bgcolor="#fff">'),
        ("<style>/* <body> */</style><BODY>x", "<BODY>"),
        ("<!DOCTYPE html><p>x</p>", "<!DOCTYPE html>"),
        ("<!DOCTYPE html>\n<html>\n<head><title><body></title></head>\n<p>x", "</head>"),
        ("<p>x</p>", ""),
        ("x", ""),
    ],
)  # fmt: skip
def test_the_preview_stands_first_in_the_body_that_every_reader_has(source, before):
    changed = with_preview(source, 7)
    head, _, _ = changed.partition('<div style="display:none')
    assert head.endswith(before)
    assert source.startswith(head)


@pytest.mark.parametrize(
    ("source", "after"),
    [
        ("<body>x</body></html>", "</body></html>"),
        ("<body>x</body></html><!-- </body> -->", "</body></html><!-- </body> -->"),
        ("<body>x<!--[if mso]></body><![endif]-->", ""),
        ("<body>x</html>", "</html>"),
        ("<p>x", ""),
    ],
)
def test_the_pixel_stands_last_in_it(source, after):
    changed = with_pixel(source, 3)
    assert changed.endswith(f'style="display:block;border:0">{after}')


HEAD = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
    '<html xmlns="http://www.w3.org/1999/xhtml"><HEAD><link rel="stylesheet" href="https://fonts.example/css?family=Lato"/>'
    '<meta http-equiv=Content-Type content="text/html"/><!--[if mso]><style>p{color:blue}</style><![endif]-->'
)


def test_the_documents_own_markup_stays_byte_for_byte():
    head = HEAD + "<style type=text/css>p{color:#333333} .b > td{padding:0 !important}</style></HEAD>"
    body = (
        "<body style='line-height:1.5'><P ALIGN=left>a<p\n>b<table><tr class=b><td>x<TD/></table><![if x]>&copy</body>"
    )
    changed = with_inlined_styles(head + body)
    assert changed.startswith(head)
    assert re.sub(r' style="[^"]*"', "", changed) == head + body
    assert changed.count('style="color: #333333;"') == 2
    assert changed.count('style="padding: 0"') == 2


@pytest.mark.parametrize(
    "media", ["screen and (max-width:480px)", "print", "(prefers-color-scheme: dark)", "not screen"]
)
def test_a_sheet_that_is_not_for_every_screen_is_not_inlined(media):
    source = f'<style media="{media}">.d{{display:none}}</style><div class="d">The offer</div>'
    assert with_inlined_styles(source) == source


@pytest.mark.parametrize("media", ["", "all", "screen", "only screen", "print, screen", " ALL "])
def test_a_sheet_for_screens_is(media):
    source = f'<style media="{media}">.d{{color:red}}</style><div class="d">x</div>'
    assert '<div class="d" style="color: red;">' in with_inlined_styles(source)


def test_a_sheet_of_another_language_is_no_css():
    source = "<style type='text/less'>.d{color:red}</style><div class=d>x</div>"
    assert with_inlined_styles(source) == source


@pytest.mark.parametrize(
    ("rule", "own", "inlined"),
    [
        (".m{display:none !important}", "", "display: none"),
        (".m{margin:0 !important}.m{margin-top:5px}", "", "margin-top: 5px; margin: 0"),
        (".m{color:red !important}", "color:blue", "color: red"),
        (".m{color:red !important}", "color:blue !important", "color: blue !important"),
        (".m{color:red}", "margin:1px !important", "color: red;margin: 1px !important"),
        (
            ".m{background:url('data:image/png;base64,AA;!important') !important;color:red}",
            "",
            "color: red; background: url('data:image/png;base64,AA;!important')",
        ),
    ],
)
def test_important_is_left_out_where_it_is_inlined_and_wins_all_the_same(rule, own, inlined):
    source = f"<style>{rule}</style><div class=m{f' style={chr(34)}{own}{chr(34)}' if own else ''}>x</div>"
    found = [token.value("style") for token in tokens(with_inlined_styles(source)) if isinstance(token, Tag)]
    assert (found[2] or "").replace("&quot;", '"').rstrip(";").replace('"', "'") == inlined


def test_what_says_ignore_is_not_inlined():
    sheet = '<style data-css-inline="ignore">.c{width:50%}</style><div class=c>x</div>'
    element = '<style>.c{width:50%}</style><div class=c data-css-inline="ignore">x</div>'
    assert with_inlined_styles(sheet) == sheet
    assert with_inlined_styles(element) == element


@pytest.mark.parametrize("nested", ["<div>" * 300, "<b><i>" * 200, "<p><font>" * 300])
def test_html_without_end_is_refused_before_it_ends_the_process(nested):
    with pytest.raises(MarkupLimit, match="more than 250 elements inside of each other"):
        with_inlined_styles(f"<style>p{{color:red}}</style>{nested}")


def test_long_lists_and_tables_whose_ends_are_left_out_are_not_deep():
    source = "<style>p{color:red}</style><ul>" + "<li>x<p>y" * 2_000 + "</ul><table>" + "<tr><td>x" * 2_000 + "</table>"
    assert with_inlined_styles(source).count('style="color: red;"') == 2_000


def test_more_styles_than_a_document_can_take_are_refused():
    rules = "".join(f"*{{--v{number}:red}}" for number in range(3_000))
    with pytest.raises(MarkupLimit, match="3000 declarations for 5001 elements"):
        with_inlined_styles(f"<style>{rules}</style>" + "<p>x</p>" * 5_000)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('<p style="display:none">pre<p>Seen</p><div>More</div>', "Seen\n\nMore\n"),
        ('<ul><li style="display:none">a<li>b</ul>c', "- b\n\nc\n"),
        ('<table><tr style="display:none"><td>a<td>b<tr><td>c</table>d', "c\n\nd\n"),
        ("<table><tr><td style='display: none !important'>a<td>b</table>", "b\n"),
        ("<dl><dt hidden>a<dd>b</dl>", "b\n"),
        ("<head><title>t</title><body>x", "x\n"),
        ("<div style='display:none;display:block'>x</div>", "x\n"),
        ("<div style='visibility:hidden'>x</div><div style='opacity:0'>y</div>z", "z\n"),
        ("<div style='max-height:0;overflow:hidden'>x</div>z", "z\n"),
        ("<div style='max-height:0px;max-width:0'>x</div>z", "x\nz\n"),
        ('<a href="https://x.example/offer"><img src="a.png"></a>', "https://x.example/offer\n"),
        ('<a href="https://x.example/o"><img alt="" src="a.png"></a> <a href="https://x.example/p"></a>', "https://x.example/o\n"),
        ('<a href="https://x.example/o"><img alt="Offer" src="a.png"></a>', "Offer (https://x.example/o)\n"),
        ('<a href="https://x.example/o">one <a href="https://x.example/p">two</a>', "one (https://x.example/o)two (https://x.example/p)\n"),
        ("<a href='https://x.example/?a=1&region=eu'>go", "go (https://x.example/?a=1&region=eu)\n"),
        ("<a href='https://x.example/\n a'>go</a>", "go (https://x.example/ a)\n"),
        ("<map><area href='https://x.example/a' alt=A><area href='https://x.example/b'></map>",
         "A (https://x.example/a) https://x.example/b\n"),
        ("<![ if !mso]>x<![endif]><!-- y --><?z?>", "x\n"),
        ("a &copy b &region c", "a © b ®ion c\n"),
        ("</p></div>x</b>", "x\n"),
        ("<span hidden><br><img alt=a></span>x", "x\n"),
    ],
)  # fmt: skip
def test_plain_text_is_what_a_reader_sees_with_its_links(source, text):
    assert plain_text(source) == text


def test_what_a_rule_hides_is_hidden_in_the_text_too():
    source = "<style>.pre{display:none !important}</style><div class=pre>pre</div><p>Seen</p>"
    assert plain_text(with_inlined_styles(source)) == "Seen\n"


def test_values_in_tags_decide_and_values_in_quotes_and_text_do_not():
    source = (
        "<p class='[0]' title='[1]' lang=[2] [3]>[4]<!-- [5] --></p[6]>"
        "<style media='[7]'>[8]</style><title>[9]</title><a href='[10]'><b style=\"[11]"
    )
    document = re.sub(r"\[(\d+)\]", lambda found: placeholder(int(found[1])), source)
    assert deciding_placeholders(document) == {0, 2, 3, 6, 7, 8, 11}


@pytest.mark.parametrize(
    "source",
    [
        "<", "</", "<!", "<!-", "<!--", "<?", "<a", "<a ", "<a b", "<a b=", "<a b='", "<a b='>", "<![", "<style>",
        "<title>x", "</style", "<a/ /b//>", "<\x00>", "<ａ>", "<İ a>", "&", "<a\x00b=1>", "\ufdd0" * 3, "<!doctype",
        "<a =>", "<a ==>",
    ],
)  # fmt: skip
def test_tokens_cover_any_text_without_gaps(source):
    for text in (source, f"x{source}y", f"{source}>", f"<p>{source}</p>"):
        found = list(tokens(text))
        assert "".join(text[token.start : token.end] for token in found) == text
        assert all(isinstance(token, (Aside, Tag, Words)) and token.start < token.end for token in found)
        assert markup.unescape(plain_text(text)) is not None
