"""Renderings of one template that differ only in a person's values share what was prepared for the first of them.

Jinja yields a rendering in pieces: stretches of the template itself, and values. Two renderings with the same
stretches in the same order took the same path through the template, so whatever is expensive (inlining styles, tracking
links, plain text, encoding) is done for the first of them, with placeholders in place of the values, and the others
only fill the placeholders. A template with loops or conditions has an entry for each path through it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dagster_drips.message.precompiled_body import placeholder, without_marks

Prepared = TypeVar("Prepared")

MOST_PREPARED = 200
"""Entries at a time for one template, to bound memory. What is beyond that is prepared again, which is only slower."""
_MARKUP = re.compile(r"[<>\"']")


@dataclass
class _Path(Generic[Prepared]):
    """One path through the template; `deciding` and `free` are places of values among the pieces."""

    deciding: tuple[int, ...]
    free: tuple[int, ...]
    prepared: dict[Hashable, Prepared] = field(default_factory=dict)


class RenderCache(Generic[Prepared]):
    """What was prepared for a template's renderings.

    Args:
        prepare: from a document whose placeholders are numbered from 0, and their number, to what is kept of it.
        deciding: which placeholders of a document can't be filled afterwards; None: every value can, as in plain text.
    """

    def __init__(
        self, prepare: Callable[[str, int], Prepared], deciding: Callable[[str], Collection[int]] | None = None
    ):
        self._prepare = prepare
        self._deciding = deciding
        self._paths: dict[Hashable, _Path[Prepared]] = {}
        self._count = 0

    def of(self, pieces: Sequence[str], constants: Mapping[int, str]) -> tuple[Prepared, list[str]]:
        """What was prepared for such pieces, and the values that fill its placeholders.

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
        path = self._paths.get(fixed)
        if path is None:
            path = self._paths[fixed] = self._path_of(fixed)
        key = tuple([pieces[place] for place in path.deciding])
        prepared = path.prepared.get(key)
        if prepared is None:
            if self._count >= MOST_PREPARED:
                self._paths.clear()
                self._paths[fixed], self._count = path, 0
                path.prepared.clear()
            prepared = path.prepared[key] = self._prepare(_document(pieces, path.free), len(path.free))
            self._count += 1
        return prepared, [pieces[place] for place in path.free]

    def _path_of(self, fixed: Sequence[str | None]) -> _Path[Prepared]:
        values = [place for place, piece in enumerate(fixed) if piece is None]
        if self._deciding is None:
            return _Path((), tuple(values))
        trial = [piece or "" for piece in fixed]
        deciding = {values[number] for number in self._deciding(_document(trial, values))}
        return _Path(tuple(sorted(deciding)), tuple(place for place in values if place not in deciding))


def _document(pieces: Sequence[str], free: Sequence[int]) -> str:
    """The pieces with those at `free` as placeholders."""
    written = [without_marks(piece) for piece in pieces]
    for number, place in enumerate(free):
        written[place] = placeholder(number)
    return "".join(written)
