"""From a template and a lead's values to a text in pieces, and what is said when that, or any part of it, goes wrong.

A template is other people's code, and so is what it is filled with: whatever goes wrong in making a message is a
`RenderError` of that message. The environment's limits are in `template_limits`, what a step's templates are in
`templates`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError

from dagster_drips.message.encoding import canonical_lines
from dagster_drips.templating.sandbox import Declined, TemplateEnvironment, syntax_problem

MAX_RENDERED = 1_000_000
"""Bytes of one rendered part (UTF-8)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_LONGEST_CAUSE = 1_000


class RenderError(Exception):
    """One message can't be made; the text says which part and why, in one line that any file can hold."""

    def __init__(self, words: str):
        super().__init__(one_line(words[:_LONGEST_CAUSE]).encode("utf-8", "backslashreplace").decode())


class StepDeclined(RenderError):
    """The template declines its step (M10); `reason` is what it said."""

    def __init__(self, reason: str):
        super().__init__(f"the template declined it: {reason}")
        self.reason = one_line(reason).encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """The text without line breaks and control characters, and with single spaces."""
    return " ".join(_CONTROL.sub(" ", text).split())


def is_failure(error: BaseException) -> bool:
    """Whether an error says that something failed, and not that the process is asked to stop.

    A panic in a library that is written in Rust is a failure, too, and no `Exception`.
    """
    return isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime"


def cause_of(error: BaseException) -> str:
    """An error's kind and words."""
    try:
        words = str(error)
    except Exception:  # an error whose words can't be had is one all the same
        words = ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def compiled(environment: TemplateEnvironment, part: str, source: str) -> Template:
    """A text of a sequence file as a template.

    Raises:
        RenderError: Jinja can't read it.
    """
    try:
        return environment.from_string(source)
    except TemplateSyntaxError as error:
        raise RenderError(f"{part}: {syntax_problem(error)}") from error


def loaded(environment: TemplateEnvironment, name: str) -> Template:
    """A template of the version by its name.

    Raises:
        RenderError: there is none, or Jinja can't read it.
    """
    try:
        return environment.get_template(name)
    except TemplateNotFound as error:
        raise RenderError(f"there is no template {error.name!r}") from error
    except TemplateSyntaxError as error:
        raise RenderError(f"{error.name or name}: {syntax_problem(error)}") from error


def pieces_of(environment: TemplateEnvironment, part: str, template: Template, context: Mapping[str, Any]) -> list[str]:
    """A rendering in pieces, as `render_cache` takes it: stretches of the template, and values.

    Args:
        environment: the template's; its counts begin anew.
        part: what to call it (`subject`, `welcome.html`).
        template: compiled.
        context: from `context.message_context`.

    Raises:
        StepDeclined: the template called `skip`.
        RenderError: an undefined value, a limit passed, or whatever else the template did wrong.
    """
    pieces: list[str] = []
    size = 0
    environment.begin_rendering()
    try:
        # Without the generator that `generate` puts around it, which is for tracebacks of templates.
        for piece in template.root_render_func(template.new_context({**context})):
            size += len(piece)
            if size > MAX_RENDERED:
                raise _too_long(part)
            pieces.append(piece)
        text = "".join(pieces)
        if not text.isascii() and len(text.encode()) > MAX_RENDERED:
            raise _too_long(part)
    except RenderError:
        raise
    except Declined as declined:
        raise StepDeclined(str(declined)) from declined
    except TemplateSyntaxError as error:
        raise RenderError(f"{error.name or part}: {syntax_problem(error)}") from error
    except TemplateNotFound as error:
        raise RenderError(f"{part}: there is no template {error.name!r}") from error
    except Exception as error:  # whatever an expression in a template may raise
        raise RenderError(f"{part}: {str(error) or type(error).__name__}") from error
    if "\r" in text:
        # One kind of line end: a value's own must not meet the template's halfway.
        return [canonical_lines(piece).replace("\r", "") if "\r" in piece else piece for piece in pieces]
    return pieces


def _too_long(part: str) -> RenderError:
    return RenderError(f"{part}: longer than {MAX_RENDERED} bytes")
