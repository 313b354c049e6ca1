"""Links that hold values lead where the template, rendered the plain way, says: whatever the values are."""

from datetime import datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from dagster_drips.links.message_links import LinkMaker
from dagster_drips.links.tokens import Tokens
from dagster_drips.message.precompiled_body import CLOSE, OPEN, filled, placeholder
from dagster_drips.templating.context import MessageFacts, message_context
from dagster_drips.templating.html_tokens import address_of_link, attribute_value, start_tags, tokens
from dagster_drips.templating.personal_links import PersonalLink
from dagster_drips.templating.templates import StepTemplate, compile_step

OURS = "https://mail.acme.example"
TOKENS = Tokens(["k" * 32])
TRACKED, UNTRACKED = LinkMaker(OURS, TOKENS), LinkMaker()
MESSAGE = MessageFacts(
    sequence_id="welcome", step_id="hello", variant_id=None, sender_name="Ada",
    sender_email="ada@acme.example", sender_reply_to=None, trigger_kind="x",
    triggered_at=datetime(2026, 3, 1),
)  # fmt: skip
TEMPLATE = """<html><body><p>{{ lead.a }}, {{ lead.b }}</p>
<a href="https://shop.example/?u={{ lead.a }}&amp;from=mail">1</a> <a href="{{ lead.a }}">2</a>
<a href='https://shop.example/{{ lead.b | urlencode }}?x={{ lead.a }}&copy{{ lead.b }}=1'>3</a>
<a href="https://shop.example/?{{ lead.c | safe }}=1&am{{ lead.b }}p;&#3{{ lead.a }};{{ lead.c | safe }}">4</a>
<a href="&#104;ttps://shop.example/&copy;{{ lead.b }}&para;m={{ lead.c | safe }};">5</a>
<a href=" https://{{ lead.b }}/ ">6</a> <a href="https://shop.example/{{ lead.a }}">7</a>
<a href="https://shop.example/{{ lead.a }}">8</a> <a href="HTTPS://shop.example/">9</a></body></html>"""

plain = st.text(
    st.one_of(
        st.sampled_from(f"""abu019&;#=%"'<>{{}}/?: \t\n\r{OPEN}{CLOSE}\u00e9\u00df\u65e5"""),
        st.characters(codec="utf-8", exclude_categories=["Cs"]),
    ),
    max_size=20,
)
values = st.one_of(
    plain,
    st.sampled_from(
        [
            "",
            " ",
            f"{OPEN}0{CLOSE}",
            f"{OPEN}3",
            "{{ lead.b }}",
            "{% if x %}",
            "&amp;",
            "&copy",
            "copy;",
            "=1",
            "javascript:alert(1)",
            "https://else.example/?a=1&b=2",
            f"{OURS}/u/token",
            "\n https://else.example/ ",
            "%2F%s%(a)s",
            "sales@acme.example",
        ]
    ),
)
# What a template calls safe is HTML that somebody else has escaped, or has not.
safe = st.sampled_from(["", "x", "a&amp;b", "a&copy", "&copy;", "&#3", "&am", "&", ";", "=", "p;x"])
leads = st.fixed_dictionaries({"a": values, "b": values, "c": safe})


def compiled(links: LinkMaker) -> StepTemplate:
    step = {"id": "hello", "subject": "Hi", "template": "a.html"}
    return compile_step({"name": "W", "steps": [step]}, {"a.html": TEMPLATE}, "hello", None, links)


PLAIN_STEP = Environment(autoescape=True).from_string(TEMPLATE)
# Whoever was rendered before makes no difference: all examples share them.
TRACKED_STEP, UNTRACKED_STEP = compiled(TRACKED), compiled(UNTRACKED)


def html_of(template: StepTemplate, lead, links: LinkMaker) -> str:
    of_message = links.of_message("1" * 32, replies_to="help@acme.example")
    context = message_context(MESSAGE, lead=lead, event=None, sequence_name="W", links=of_message)
    return str(template.render(context, of_message).html)


def hrefs(html: str) -> list[str]:
    return [address_of_link(tag.value("href") or "") for tag in start_tags(tokens(html)) if tag.name == "a"]


def led_to(href: str) -> str:
    """Where a link of a message ends up, by way of the collector."""
    if not href.startswith(f"{OURS}/c/"):
        return href
    return TOKENS.read_url(href.removeprefix(f"{OURS}/c/").partition("/")[2])


@settings(max_examples=80, deadline=None)
@given(people=st.lists(leads, min_size=1, max_size=4))
@example(people=[{"a": "x", "b": "y", "c": "x"}, {"a": "copy;", "b": "copy", "c": "&am"}])
def test_every_link_leads_where_the_plain_rendering_says(people):
    for lead in people:
        expected = hrefs(PLAIN_STEP.render(lead=lead))
        ours = hrefs(html_of(TRACKED_STEP, lead, TRACKED))
        assert [led_to(href) for href in ours] == expected
        assert hrefs(html_of(UNTRACKED_STEP, lead, UNTRACKED)) == expected
        for href, address in zip(ours, expected, strict=True):
            is_tracked = address.lower().startswith(("http://", "https://")) and not address.startswith(f"{OURS}/")
            assert href.startswith(f"{OURS}/c/") == is_tracked


@given(
    parts=st.lists(st.text("&#;=xX0aAmp copy/?\t", max_size=8), min_size=2, max_size=4),
    texts=st.lists(st.text("&#;=xX0aAmp copy/?\t", max_size=6), min_size=3, max_size=3),
)
@example(parts=["&am", ";x"], texts=["p", "", ""])
@example(parts=["&copy;", "1"], texts=["=", "", ""])
def test_references_are_read_across_the_ends_of_values(parts, texts):
    source = "".join(part + placeholder(number) for number, part in enumerate(parts[:-1])) + parts[-1]
    whole = address_of_link(attribute_value(filled(source, texts)))
    assert PersonalLink(source).address(texts) == whole


def test_one_value_of_many_is_all_that_a_link_takes():
    """The other values of a message are not even looked at: 17 links took 17 times 100 values apart."""
    link = PersonalLink(f"https://shop.example/?u={placeholder(1)}&amp;x=1")

    class Values(list[str]):
        def __getitem__(self, place):
            assert place == 1
            return super().__getitem__(place)

        def __iter__(self):
            raise AssertionError("all values")

    assert link.address(Values(["&lt;", "L1", "&gt;"])) == "https://shop.example/?u=L1&x=1"
    assert link.address(Values(["&lt;", "&lt;", "&gt;"])) == "https://shop.example/?u=<&x=1"
