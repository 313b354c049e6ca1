"""What goes out as it stands and is seldom meant: other tools' merge tags, dead links, lost text, long mails.

Here belongs what is judged of a template's own text. Variables are `variables`' part, tags `html_check`'s. All of it
is a warning: a reader may get what the author did not mean, but gets a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from jinja2 import ChainableUndefined, TemplateError, nodes

from dagster_drips.sequences.problems import suggestion
from dagster_drips.sequences.template_facts import template_environment
from dagster_drips.templating.inlined_styles import with_inlined_styles
from dagster_drips.templating.sandbox import TemplateEnvironment

CLIPPED_BYTES = 102 * 1024
"""Beyond that Gmail shows the beginning of a mail and hides the rest, an unsubscribe link in it too."""

Found = tuple[int, str]
"""Line (1-based) and message."""

_WORTH_RENDERING = 20 * 1024
"""Bytes of templates: what is smaller does not grow beyond `CLIPPED_BYTES` by inlining."""

# Each with the tools that write so; the name of what is merged is the first group.
_MERGE_TAGS = (
    (re.compile(r"\*\|\s*([^|*\n]{1,60}?)\s*\|\*"), "Mailchimp's"),
    (re.compile(r"<%[=@-]?\s*([^%\n]{1,60}?)\s*-?%>"), "an ERB or EJS"),
    (re.compile(r"%%=?\s*([A-Za-z_][\w .()@]{0,60}?)\s*=?%%"), "Salesforce's or Pardot's"),
    (re.compile(r"(?<![%\w])%([A-Za-z_][\w.-]{1,60})%(?!\w)"), "another tool's"),
    (re.compile(r"\[\[\s*([A-Za-z_][\w .-]{0,60}?)\s*\]\]"), "another tool's"),
    (re.compile(r"[$@#]\{\s*([A-Za-z_][\w.]{0,60})\s*\}"), "another tool's"),
    (re.compile(r"\{\$\s*([A-Za-z_][\w.]{0,60})\s*\}"), "another tool's"),
    (re.compile(r"(?<![{$@#\w])\{([A-Za-z_][\w.]{1,60})\}(?!\})"), "another tool's"),
)
_NOT_TEXT = re.compile(r"<(style|script)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(r"<!--(?!\[if\b).*?-->", re.DOTALL)
_HREF = re.compile(r"""<(?:a|area|link)\b[^>]*?\shref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def foreign_merge_tags(text: str) -> Iterator[Found]:
    """Placeholders of other mail tools, which readers would see as they stand.

    Args:
        text: a template, or a subject.
    """
    own = _blanked(text, _NOT_TEXT, _COMMENT, _JINJA)
    seen: set[str] = set()
    for pattern, whose in _MERGE_TAGS:
        for match in pattern.finditer(own):
            tag = match[0]
            if tag in seen or _is_percent_encoded(own, match.start()):
                continue
            seen.add(tag)
            instead = "{{ unsubscribe_url }}" if "unsub" in tag.lower() else "{{ … }}, such as {{ lead.first_name }}"
            message = f"'{tag}' looks like {whose} merge tag and goes out as it is; here it is {instead}"
            yield _line(text, match.start()), message
        own = _blanked(own, pattern)


def relative_links(text: str) -> Iterator[Found]:
    """Links that lead nowhere from a mail: it has no address of its own to start from.

    Args:
        text: an HTML template.
    """
    own = _blanked(text, _COMMENT)
    for match in _HREF.finditer(own):
        address = (match[1] if match[1] is not None else match[2]).strip()
        if not address or address.startswith(("#", "{")) or _ABSOLUTE.match(address):
            continue
        whole = (
            f"https:{address}"
            if address.startswith("//")
            else "https://…" + (address if address.startswith("/") else f"/{address}")
        )
        whole = f"https://{address}" if address.lower().startswith("www.") else whole
        yield _line(text, match.start()), f"a mail has no address that '{address}' could start from; write {whole}"


def lost_blocks(name: str, texts: Mapping[str, str]) -> Iterator[Found]:
    """What a template with a layout says in vain: blocks that no layout of it has, and text outside of blocks.

    Args:
        name: the template's, among `texts`.
        texts: name → text of all templates of the sequence; all of them are sound Jinja.
    """
    tree = template_environment().parse(texts[name])
    known: set[str] = set()
    layouts = list(_layouts(tree, texts))
    if not layouts:
        return
    for layout in layouts:
        known.update(block.name for block in layout.find_all(nodes.Block))
    after = [at for at, node in enumerate(tree.body) if isinstance(node, nodes.Extends)]
    # Jinja does show what stands before `extends`.
    for node in tree.body[after[0] + 1 if after else 0 :]:
        if isinstance(node, nodes.Block) and node.name not in known:
            hint = suggestion(node.name, known) if known else "; it has no blocks"
            yield node.lineno, f"the layout has no block '{node.name}', so this one is never shown{hint}"
        elif isinstance(node, nodes.Output) and any(
            not isinstance(part, nodes.TemplateData) or part.data.strip() for part in node.nodes
        ):
            yield node.lineno, "this stands outside of every block, so the layout never shows it; move it into a block"


def clipped_bytes(name: str, texts: Mapping[str, str]) -> int | None:
    """How many bytes the mail has once styles are inlined, where that is more than `CLIPPED_BYTES`; else None.

    Values are taken to be empty, and loops to have no turns: the real mail is longer.

    Args:
        name: an HTML template, among `texts`.
        texts: name → text of all templates of the sequence; all of them are sound Jinja.
    """
    if sum(len(text) for other, text in texts.items() if not other.endswith(".txt")) < _WORTH_RENDERING:
        return None
    environment = TemplateEnvironment(texts)
    environment.undefined = ChainableUndefined
    try:
        document = environment.get_template(name).render()
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError):
        return None  # it needs its values to be rendered at all
    size = len(with_inlined_styles(document).encode())
    return size if size > CLIPPED_BYTES else None


@lru_cache(maxsize=256)
def readable_syntax(message: str, source: str) -> str:
    """Jinja's objection in words for somebody who wrote no Jinja there, as in minified CSS or another tool's tags.

    Args:
        message: Jinja's own words.
        source: the template.
    """
    if "comment" in message.lower():
        return (
            "{# begins a Jinja comment, and nothing ends it; in CSS write { # with a space,"
            " or put {% raw %} … {% endraw %} around it"
        )
    if "{{{" in source:
        return f"{message}; {{{{{{ … }}}}}} is another tool's: here it is {{{{ … }}}}"
    if re.search(r"\{\{\s*[#/>^]", source):
        return f"{message}; {{{{#if …}}}} is Handlebars: here it is {{% if … %}} … {{% endif %}}"
    return f"{message}; {{{{${{…}}}}}} is Braze's: here it is {{{{ … }}}}" if "{{${" in source else message


def _layouts(tree: nodes.Template, texts: Mapping[str, str]) -> Iterator[nodes.Template]:
    """The templates that this one extends, the nearest first."""
    seen: set[str] = set()
    while (extends := tree.find(nodes.Extends)) is not None:
        named = extends.template
        if not isinstance(named, nodes.Const) or named.value not in texts or named.value in seen:
            return
        seen.add(named.value)
        tree = template_environment().parse(texts[named.value])
        yield tree


def _blanked(text: str, *patterns: re.Pattern[str]) -> str:
    """The text with what matches replaced by spaces: offsets and lines stay."""
    for pattern in patterns:
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def _is_percent_encoded(text: str, start: int) -> bool:
    """Whether the `%` there is part of an address, as in `https://a.example/?q=%C3%A4`."""
    before = re.split(r"""[\s"'<>]""", text[max(0, start - 2_000) : start])[-1]
    return text[start] == "%" and "://" in before and re.match(r"%[0-9A-Fa-f]{2}", text[start:]) is not None


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
