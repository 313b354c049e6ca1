"""What a step's templates use of content models, and whether they may decline: read from their syntax trees (M9, M10).

Only the step's own texts count, with whatever they include or extend in turn, so that a tick reads the content of what
is due and nothing else. Whether a use makes sense is judged in `variables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from dagster_drips.sequences.schema import Step
from dagster_drips.sequences.template_facts import template_facts

CONTENT = "content"
"""The variable by which templates name content models."""
SKIP = "skip"
"""The function by which a template declines."""


def content_of_step(step: Step, files: Mapping[str, str]) -> list[str]:
    """The content models that the step's templates name, sorted.

    Args:
        step: as the sequence's file gives it.
        files: template name → text, of its version.
    """
    used: set[str] = set()
    for text in texts_of_step(step, files):
        used |= content_used(text)
    return sorted(used)


def content_used(text: str) -> set[str]:
    """The content models that one text names."""
    if CONTENT not in text:
        return set()
    facts = template_facts(text)
    if CONTENT not in facts.undeclared:
        return set()
    return {use.chain[1] for use in facts.uses if use.chain[0] == CONTENT and len(use.chain) > 1}


def columns_used(step: Step, files: Mapping[str, str]) -> set[tuple[str, str]]:
    """The columns that the step's templates ask of content models by name: `content.NAME.COLUMN`.

    Of a model with many rows a loop's variable is asked, which is not among them.
    """
    return {
        (use.chain[1], use.chain[2])
        for text in texts_of_step(step, files)
        if content_used(text)
        for use in template_facts(text).uses
        if use.chain[0] == CONTENT and len(use.chain) > 2
    }


def may_decline(step: Step, files: Mapping[str, str]) -> bool:
    """Whether one of the step's templates calls `skip`."""
    return any(
        SKIP in text and any(use.chain == (SKIP,) for use in template_facts(text).uses)
        for text in texts_of_step(step, files)
    )


def texts_of_step(step: Step, files: Mapping[str, str]) -> Iterator[str]:
    """Everything that is rendered for a step, or for one of its variants, or may be included in it."""
    pending: list[str] = []
    for part in (step, *(step.variants or ())):
        yield from (text for text in (part.subject, part.preview_text) if text)
        if part.template:
            pending += [part.template, str(PurePosixPath(part.template).with_suffix(".txt"))]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen or name not in files:
            continue
        seen.add(name)
        yield files[name]
        for reference in template_facts(files[name]).references:
            pending += files if reference.name is None else [reference.name]
