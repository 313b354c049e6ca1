"""Renderings of one template that differ only in what they tell of a person share a shape.

Jinja yields a rendering in pieces: stretches of the template itself, and values. Two renderings with the same
stretches in the same order took the same way through the template, so whatever is expensive (inlining styles, leading
links elsewhere, plain text, encoding) is done for the first of them, with slots in place of the values, and the others
only fill the slots. A template with loops or conditions has a shape for each way through it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dagster_drips.message.precompiled_body import slot, without_marks

Prepared = TypeVar("Prepared")

MOST_SHAPES = 200
"""Prepared at a time for one template: memory's sake. More than that are prepared again and again, only slower."""
_MARKUP = re.compile(r"[<>\"']")


@dataclass
class _Shape(Generic[Prepared]):
    """One way through the template; `deciding` and `free` are places of values among the pieces."""

    deciding: tuple[int, ...]
    free: tuple[int, ...]
    prepared: dict[Hashable, Prepared] = field(default_factory=dict)


class Shapes(Generic[Prepared]):
    """What was prepared for a template's renderings.

    Args:
        prepare: from a document whose slots are numbered from 0, and their number, to what is kept of it.
        deciding: which slots of a document can't be filled afterwards; None: every value can, as in plain text.
    """

    def __init__(
        self, prepare: Callable[[str, int], Prepared], deciding: Callable[[str], Collection[int]] | None = None
    ):
        self._prepare = prepare
        self._deciding = deciding
        self._shapes: dict[Hashable, _Shape[Prepared]] = {}
        self._count = 0

    def of(self, pieces: Sequence[str], constants: Mapping[int, str]) -> tuple[Prepared, list[str]]:
        """What was prepared for such pieces, and the values that fill its slots.

        Args:
            pieces: of one rendering, in order.
            constants: the template's own stretches by `id`.
        """
        if self._deciding is None:
            fixed = tuple(piece if constants.get(id(piece)) is piece else None for piece in pieces)
        else:
            # A value that brings markup of its own, or nothing at all, may change what stands around it.
            fixed = tuple(
                piece
                if constants.get(id(piece)) is piece or not piece or piece.isspace() or _MARKUP.search(piece)
                else None
                for piece in pieces
            )
        shape = self._shapes.get(fixed)
        if shape is None:
            shape = self._shapes[fixed] = self._shape_of(fixed)
        key = tuple([pieces[place] for place in shape.deciding])
        prepared = shape.prepared.get(key)
        if prepared is None:
            if self._count >= MOST_SHAPES:
                self._shapes.clear()
                self._shapes[fixed], self._count = shape, 0
                shape.prepared.clear()
            prepared = shape.prepared[key] = self._prepare(_document(pieces, shape.free), len(shape.free))
            self._count += 1
        return prepared, [pieces[place] for place in shape.free]

    def _shape_of(self, fixed: Sequence[str | None]) -> _Shape[Prepared]:
        values = [place for place, piece in enumerate(fixed) if piece is None]
        if self._deciding is None:
            return _Shape((), tuple(values))
        trial = [piece or "" for piece in fixed]
        deciding = {values[number] for number in self._deciding(_document(trial, values))}
        return _Shape(tuple(sorted(deciding)), tuple(place for place in values if place not in deciding))


def _document(pieces: Sequence[str], free: Sequence[int]) -> str:
    """The pieces with those at `free` as slots."""
    written = [without_marks(piece) for piece in pieces]
    for number, place in enumerate(free):
        written[place] = slot(number)
    return "".join(written)
