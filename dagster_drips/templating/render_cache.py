"""Renderings of one template that differ only in a person's values share what was prepared for the first of them.

Jinja yields a rendering in pieces: stretches of the template itself, and values. Two renderings with the same
stretches in the same order took the same path through the template, so whatever is expensive (inlining styles, tracking
links, plain text, encoding) is done for the first of them, with placeholders in place of the values, and the others
only fill the placeholders. A template with loops or conditions has an entry for each path through it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from itertools import compress
from operator import is_
from typing import Generic, TypeVar

from dagster_drips.message.precompiled_body import placeholder, without_marks

Prepared = TypeVar("Prepared")

MOST_PREPARED = 200
"""Entries at a time for one template, to bound memory. What is beyond that is prepared again, which is only slower."""


class _Path(Generic[Prepared]):
    """One path through the template.

    Args:
        fixed: the pieces that all its renderings share, None in the place of a value.
        deciding: places of values that are part of the document, too.
        free: places of all other values.
        constants: as for `RenderCache.of`.
    """

    def __init__(
        self,
        fixed: tuple[str | None, ...],
        deciding: tuple[int, ...],
        free: tuple[int, ...],
        constants: Mapping[int, str],
    ):
        self.fixed, self.deciding, self.free = fixed, deciding, free
        self.values = sorted((*deciding, *free))
        self.prepared: dict[Hashable, Prepared] = {}
        self._is_constant = [id(piece) in constants for piece in fixed]
        self._is_given = [piece is not None and not its for piece, its in zip(fixed, self._is_constant, strict=True)]
        self._constants = [*compress(fixed, self._is_constant)]
        self._given = [*compress(fixed, self._is_given)]

    def shares(self, pieces: Sequence[str]) -> bool:
        """Whether as many pieces have what the path's renderings share; its values are not looked at.

        What is the template's own is told by identity: a value that says the same is a value still.
        """
        return (
            all(map(is_, compress(pieces, self._is_constant), self._constants))
            and [*compress(pieces, self._is_given)] == self._given
        )


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
        # The last path with so many pieces: the next rendering with as many has mostly taken it, too.
        self._last: dict[int, _Path[Prepared]] = {}
        self._count = 0

    def of(self, pieces: Sequence[str], constants: Mapping[int, str]) -> tuple[Prepared, list[str]]:
        """What was prepared for such pieces, and the values that fill its placeholders.

        Args:
            pieces: of one rendering, in order.
            constants: the template's own stretches by `id`.
        """
        path = self._last.get(len(pieces))
        if path is None or not path.shares(pieces) or not self._are_values(pieces, path.values, constants):
            path = self._last[len(pieces)] = self._path(pieces, constants)
        key = tuple([pieces[place] for place in path.deciding])
        prepared = path.prepared.get(key)
        if prepared is None:
            if self._count >= MOST_PREPARED:
                self._paths.clear()
                self._last.clear()
                self._paths[path.fixed], self._count = path, 0
                path.prepared.clear()
            prepared = path.prepared[key] = self._prepare(_document(pieces, path.free), len(path.free))
            self._count += 1
        return prepared, [pieces[place] for place in path.free]

    def _are_values(self, pieces: Sequence[str], places: Sequence[int], constants: Mapping[int, str]) -> bool:
        """Whether the pieces there are all values that leave alone what stands around them: `_is_value`, for many."""
        values = [pieces[place] for place in places]
        if not constants.keys().isdisjoint(map(id, values)):
            return False
        if self._deciding is None:
            return True
        return not (_has_markup("".join(values)) or "" in values or any(map(str.isspace, values)))

    def _is_value(self, piece: str, constants: Mapping[int, str]) -> bool:
        if id(piece) in constants:
            return False
        # A value that brings markup of its own, or nothing at all, may change what stands around it.
        return self._deciding is None or not (not piece or piece.isspace() or _has_markup(piece))

    def _path(self, pieces: Sequence[str], constants: Mapping[int, str]) -> _Path[Prepared]:
        fixed = tuple([None if self._is_value(piece, constants) else piece for piece in pieces])
        path = self._paths.get(fixed)
        if path is None:
            path = self._paths[fixed] = self._path_of(fixed, constants)
        return path

    def _path_of(self, fixed: tuple[str | None, ...], constants: Mapping[int, str]) -> _Path[Prepared]:
        values = [place for place, piece in enumerate(fixed) if piece is None]
        if self._deciding is None:
            return _Path(fixed, (), tuple(values), constants)
        trial = [piece or "" for piece in fixed]
        deciding = {values[number] for number in self._deciding(_document(trial, values))}
        free = tuple(place for place in values if place not in deciding)
        return _Path(fixed, tuple(sorted(deciding)), free, constants)


def _document(pieces: Sequence[str], free: Sequence[int]) -> str:
    """The pieces with those at `free` as placeholders."""
    written = [without_marks(piece) for piece in pieces]
    for number, place in enumerate(free):
        written[place] = placeholder(number)
    return "".join(written)


def _has_markup(text: str) -> bool:
    return "<" in text or ">" in text or '"' in text or "'" in text
