"""Markup and styles that are made to take long to read: time in proportion to their length, never a crash.

Nothing is timed. A child process reads all of them with a limit of CPU that reading in proportion stays far below, and
that anything quadratic runs into.
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_drips.sequences.html_check import check_html
from dagster_drips.sequences.html_places import warnings_of_media
from dagster_drips.sequences.template_facts import template_environment, template_facts
from dagster_drips.templating.css_text import declarations, rules
from dagster_drips.templating.html_document import deciding_slots, with_pixel, with_preview, with_tracked_links
from dagster_drips.templating.html_images import lost_images, named_images
from dagster_drips.templating.inlined_styles import MarkupLimit, with_inlined_styles
from dagster_drips.templating.plain_text import plain_text

pytestmark = pytest.mark.slow

CPU_SECONDS = 100
SIZE = 40_000

STRETCHES = [
    "<", "</", "<!", "<!--", "<!-- -", "<![", "<?", "<a", "<a ", "<a b='", "<img ", "<img a=\"", "<td a ", "<p a=1 ",
    "<div>", "<b>", "<a href=x>", "<p>", "<li>", "<ul><li>", "<table><tr><td>", "</p>", "</div>", "<div> </div>",
    "<p> ", " ", "\n <b> ", "<style>", "<style>p{", "<style>p{}</style>", "<title>", "<script>", "</style", "&",
    "&amp", "&#", "<br>", "<img>", "<!--[if mso]>", "<![endif]-->", "<!--[if ", "<body>", "</body>", "<body a=>",
    "<p style='", "<p style='a:b;'>", "<p hidden>", "{{ ", "{% ", "{# ", "{{ '", "{% if a %}", "{{ a }}", "url(",
    " srcset=", "a{", "a{b:c}", "@media x{", "a:(", "/*", "a,", "\\", "\"", "'a", "}", ";", "!important",
]  # fmt: skip


def read(text: str) -> None:
    """Read a text in every way that a template, or what becomes of it, is read."""
    with_tracked_links(text, lambda _: "https://x.example")
    for change in (with_preview, with_pixel):
        change(text, 1)
    deciding_slots(text)
    plain_text(text)
    list(named_images(text))
    list(lost_images(text))
    list(rules(text))
    declarations(text)
    warnings_of_media(text)
    for document in (f"<style>p{{color:red}}</style>{text}", f"<style>{text}</style><p>x"):
        try:
            with_inlined_styles(document)
        except MarkupLimit:
            continue
    if not template_facts(text).syntax and "<" in text:
        check_html(template_environment(), "a.html", text, lambda _: None)


def test_reading_takes_time_in_proportion_to_the_length():
    run = subprocess.run(
        [sys.executable, "-m", "tests.attacks.test_markup_bombs"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS)),
    )
    assert run.stdout.splitlines() == [repr(stretch) for stretch in STRETCHES], (run.returncode, run.stderr[-500:])


if __name__ == "__main__":
    for one in STRETCHES:
        read(one * (SIZE // len(one)))
        print(repr(one), flush=True)
