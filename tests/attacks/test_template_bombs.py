"""Templates that would run for days or fill the memory: each ends after a bounded number of steps.

Nothing is timed. A child process renders them with a limit of CPU and memory that is generous, and that a
rendering without bounds runs into.
"""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_drips.links.message_links import LinkMaker
from dagster_drips.templating import template_limits
from dagster_drips.templating.rendering import RenderError
from dagster_drips.templating.templates import compile_step, message_context

pytestmark = pytest.mark.slow

CPU_SECONDS, MEMORY = 200, 1_500_000_000
ENDS = re.compile(r"more than \d+ (turns|digits)|longer than|wider than|beyond|took longer|recursion|numbers only")
LONG = "x" * 200_000
NS = "{% set ns = namespace(s='x', l=[1], t=1) %}"

BOMBS = {
    "a loop in a loop over a long text": "{% for a in lead.bio %}{% for b in lead.bio %}{% endfor %}{% endfor %}",
    "a loop whose filter never holds": (
        "{% for a in range(99999) %}{% for b in lead.bio if false %}{% endfor %}{% endfor %}"
    ),
    "a loop that calls itself": (
        "{% for a in [1] recursive %}{% if loop.depth < 99 %}{{ loop([1, 1]) }}{% endif %}{% endfor %}"
    ),
    "a loop that calls itself with long texts": (
        "{% for a in [lead.bio] recursive %}{% if loop.depth < 9 %}{{ loop(lead.bio) }}{% endif %}{% endfor %}"
    ),
    "macros that call each other twice": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"
    ),
    "includes that include twice": "{% include 'i0.html' %}",
    "a template that includes itself twice": "{% set n = (n | default(60)) - 1 %}{% if n > 0 %}"
    "{% include 'hello.html' %}{% include 'hello.html' %}{% endif %}",
    "a text times a number": "{{ 'x' * 10 ** 9 }}",
    "a number times a text": "{{ 10 ** 9 * 'x' }}",
    "a list times a number": "{{ ([1] * 10 ** 9) | length }}",
    "a text doubled by +": NS + "{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "a text doubled by ~": NS + "{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "a text doubled by a block": NS
    + "{% for i in range(60) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}",
    "a text doubled by join": NS + "{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] | join %}{% endfor %}",
    "a text doubled by replace": NS + "{% for i in range(60) %}{% set ns.s = ns.s | replace('x', 'xx') %}{% endfor %}",
    "replace with names": "{{ lead.bio | replace(old='x', new=lead.bio) | length }}",
    "the method replace": "{{ lead.bio.replace('x', lead.bio) | length }}",
    "a text doubled by a format": NS + "{% for i in range(60) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}",
    "a text doubled by str.format": NS + "{% for i in range(60) %}{% set ns.s = '{0}{0}'.format(ns.s) %}{% endfor %}",
    "a format with many fields": "{{ ('{0}' * 100000).format(lead.bio) | length }}",
    "a list doubled": NS + "{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
    "a list of itself twice, again and again": NS
    + "{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "a dict of itself twice": NS
    + "{% for i in range(60) %}{% set ns.l = {1: ns.l, 2: ns.l} %}{% endfor %}{{ ns.l | tojson }}",
    "dict() of itself twice": NS
    + "{% for i in range(60) %}{% set ns.l = dict(a=ns.l, b=ns.l) %}{% endfor %}{{ ns.l | string }}",
    "lists of itself that are compared": NS + "{% set other = namespace(l=[1]) %}{% for i in range(60) %}"
    "{% set ns.l = (ns.l, ns.l) %}{% set other.l = (other.l, other.l) %}{% endfor %}{{ ns.l == other.l }}",
    "a number to the power of powers": "{{ 9 ** (9 ** 9) }}",
    "a number that is squared": NS
    + "{% set ns.t = 99 %}{% for i in range(60) %}{% set ns.t = ns.t * ns.t %}{% endfor %}",
    "a number out of a text": "{{ ('f' * 900000) | int(base=16) * 2 }}",
    "center": "{{ 'x' | center(10 ** 9) }}",
    "the method ljust": "{{ 'x'.ljust(10 ** 9) }}",
    "a width": "{{ '%0999999999d' % 1 }}{{ '{:0999999999}'.format(1) }}",
    "many widths": "{{ ('%099999d' * 9000) % ((1,) * 9000) }}",
    "a width that is a value": "{{ '{:{}}'.format(1, 10 ** 9) }}",
    "a precision that is a value": "{{ '%.*f' | format(10 ** 9, 1.5) }}",
    "indent": "{{ ('x\\n' * 90000) | indent(90000) | length }}",
    "wordwrap": "{{ lead.bio | wordwrap(1, wrapstring=lead.bio) | length }}",
    "batch": "{{ [1] | batch(10 ** 9, 'x') | list | length }}",
    "slice": "{{ [1] | slice(10 ** 9) | list | length }}",
    "round": "{{ 5 | round(-10 ** 9) }}{{ 5 | round(10 ** 9, 'floor') }}",
    "tojson": "{{ ([1] * 900000) | tojson(indent=900000) | length }}",
    "sum of lists": "{{ ([[1]] * 90000) | sum(start=[]) | length }}",
    "striptags": "{{ ('<!-- -->' * 100000) | striptags }}",
    "urlize": "{{ ('http://x.example/' * 50000) | urlize(rel=lead.bio) | length }}",
    "range in range": "{% for i in range(90000) %}{{ range(90000) | list | length }}{% endfor %}",
    "a slow filter without an end": (
        "{% for i in range(90000) %}{{ range(99999) | select('eq', -1) | list | length }}{% endfor %}"
    ),
    "map over a long text": "{{ lead.bio | map('replace', 'x', lead.bio) | join | length }}",
    "copies of a long text in one list": "{{ [" + "lead.bio[1:]," * 20_000 + "] | length }}",
    "an import that writes without end": "{% import 'long.html' as long with context %}{{ long | length }}",
    "blocks that call each other": "{% block a %}{{ self.b() }}{{ self.b() }}{% endblock %}"
    "{% block b %}{{ self.c() }}{{ self.c() }}{% endblock %}"
    "{% block c %}{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}{% endblock %}",
    "joiner and cycler": "{% set j = joiner(lead.bio) %}{% set c = cycler(lead.bio, lead.bio) %}"
    "{% set s %}{% for i in range(99999) %}{{ j() }}{{ c.next() }}{% endfor %}{% endset %}",
}
FILES = {
    **{f"i{n}.html": f"{{% include 'i{n + 1}.html' %}}{{% include 'i{n + 1}.html' %}}" for n in range(60)},
    "i60.html": "",
    "long.html": "{% for i in range(99999) %}{{ lead.bio | upper }}{% endfor %}",
}


def rendered(html: str) -> str:
    step = {"id": "hello", "subject": "Hi", "template": "hello.html"}
    template = compile_step({"name": "W", "steps": [step]}, {**FILES, "hello.html": html}, "hello", None)
    links = LinkMaker().of_message("m1", replies_to="help@acme.example")
    due = {
        "sequence_id": "w",
        "step_id": "hello",
        "variant_id": None,
        "sender_name": None,
        "sender_email": "a@b.example",
    }
    context = message_context(
        {**due, "sender_reply_to": None, "trigger_kind": "lead_created", "triggered_at": None},
        lead={"bio": LONG},
        event=None,
        sequence_name="W",
        links=links,
    )
    return str(template.render(context, links).html)


def test_every_bomb_is_a_render_error():
    run = subprocess.run(
        [sys.executable, "-m", "tests.attacks.test_template_bombs"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        preexec_fn=_limited,
    )
    words = dict(json.loads(line) for line in run.stdout.splitlines())
    assert [name for name in BOMBS if name not in words] == [], f"ended by {run.returncode}: {run.stderr[-300:]}"
    assert {name: said for name, said in words.items() if not said.startswith(("hello.html: ", "long.html: "))} == {}
    assert {name: said for name, said in words.items() if "MemoryError" in said or not ENDS.search(said)} == {}


def test_a_namespace_is_never_written_out():
    assert rendered(
        NS + "{% for i in range(60) %}{% set ns.l = namespace(a=ns.l, b=ns.l) %}{% endfor %}{{ ns.l }}"
    ) == ("&lt;Namespace&gt;")


def test_one_rendering_takes_nothing_from_the_next():
    loop = "{% for i in range(60000) %}{% endfor %}"
    assert [rendered(loop), rendered(loop)] == ["", ""]


def test_what_mail_does_with_loops_and_filters_goes_on():
    html = (
        "{% for row in range(500) %}{% for cell in range(10) %}{{ '%05d' % (row * cell) }} {% endfor %}{% endfor %}"
        "{{ ['a', 'b'] | join(', ') | replace('a', 'A') | center(9) | indent(4) | wordwrap(40) | truncate(20) }}"
        "{{ '{:.2f} {}'.format(9.9, 'EUR') }} {{ 10 ** 9 }} {{ 7 | round(2) }} {{ [1, 2] | batch(2) | list }}"
    )
    assert rendered(html).endswith("9.90 EUR 1000000000 7 [[1, 2]]")


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> None:
    """Render every bomb and print, a line each, its name and the error's words."""
    template_limits.MAX_SECONDS = 0.5  # as good an end as five
    for name, bomb in BOMBS.items():
        try:
            words = f"rendered: {rendered(bomb)[:80]}"
        except RenderError as error:
            words = str(error)
        print(json.dumps([name, words]), flush=True)


if __name__ == "__main__":
    main()
