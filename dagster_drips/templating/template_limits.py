"""How much one rendering may do, and what a single operation of a template may come to.

Two things together bound a rendering, whatever its template and its data say. What a template can repeat (turns of
loops, calls, filters, includes) is counted, and at every few of them the clock is looked at. And no single operation
makes much out of little: texts and lists that are built, powers, widths and products are measured before they are made
or as they are made. Where these measures are taken is in `sandbox` and `template_code`; here is what they are.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import wraps
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import escape

MAX_TURNS = 100_000
"""Turns of loops, calls, filters and includes in one rendering, all of them together."""
MAX_TEXT = 1_000_000
"""Characters, or items, that one operation may make."""
MAX_BUILT = 20_000_000
"""Characters and items that one rendering may make, all operations together."""
MAX_DIGITS = 4_300
"""Of a whole number; Python writes no longer ones."""
MAX_SECONDS = 5.0
"""CPU seconds of one rendering; looked at every few turns."""
SLOW_FILTER_TEXT = 50_000
"""Characters for filters whose time grows faster than their text."""

_LOOK_EVERY = 64
_MOST_ESCAPED = 1_000  # texts kept for one rendering
_LONGEST_NUMBER = 400  # of a float written out
_WIDE = re.compile(r"\d{6,}")
_NUMBERS = re.compile(r"\d+")
_NESTED_FIELD = re.compile(r"\{[^{}]*:[^{}]*\{|%(\([^)]*\))?[-+ #0]*\*|%(\([^)]*\))?[-+ #0]*\d*\.\*")


class Allowance:
    """What is left to one rendering."""

    __slots__ = ("_built", "_ends_at", "_escaped", "_turns")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start anew."""
        self._turns = MAX_TURNS
        self._built = MAX_BUILT
        self._ends_at: float | None = None
        self._escaped: dict[str, str] = {}

    def turn(self) -> None:
        """One turn of whatever can be repeated.

        Raises:
            SecurityError: that was one too many, or time is over.
        """
        self._turns -= 1
        if self._turns < 0:
            raise SecurityError(f"more than {MAX_TURNS} turns of loops, calls, filters and includes")
        if not self._turns % _LOOK_EVERY:
            self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        # A look costs more than a short template: the first one starts the clock, so that most messages have none.
        now = time.thread_time()
        if self._ends_at is None:
            self._ends_at = now + MAX_SECONDS
        elif now > self._ends_at:
            raise SecurityError(f"took longer than {MAX_SECONDS:g} seconds")

    def turns(self, iterable: Iterable[Any]) -> Iterator[Any]:
        """What a loop goes over, counted."""
        for item in iterable:
            self.turn()
            yield item

    def build(self, size: int) -> None:
        """So much was made, or is about to be.

        Raises:
            SecurityError: that is too much, at once or in all.
        """
        self._built -= size
        if size > MAX_TEXT or self._built < 0:
            raise SecurityError("a text longer than a message may be")

    def shown(self, text: str) -> str:
        """A text that is written out, counted."""
        self._built -= len(text)
        if self._built < 0:
            raise SecurityError("texts longer than a message may be, all together")
        return text

    def escaped(self, value: Any) -> str:
        """A value as HTML shows it, counted.

        The same text is escaped once: messages show few values in many places, and one object for all of them makes
        what is done with them afterwards cheaper, too.
        """
        if type(value) is not str:
            return self.shown(escape(value))
        text = self._escaped.get(value)
        if text is None:
            text = str.__str__(escape(value))
            if len(self._escaped) < _MOST_ESCAPED:
                self._escaped[value] = text
        return self.shown(text)

    def built(self, value: Any) -> Any:
        """A value that was made, counted."""
        self.build(size_of(value))
        return value

    def joined(self, pieces: Iterable[str]) -> str:
        """`"".join`, counted."""
        every = pieces if isinstance(pieces, list) else list(pieces)
        self.build(sum(map(len, every)))
        return "".join(every)


def size_of(value: Any) -> int:
    """What writing a value out, comparing or copying it comes to: characters and items, those inside of it included.

    Raises:
        SecurityError: it is more than one operation may make. A list that holds another twice counts it twice.
    """
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, int):
        if value.bit_length() > MAX_DIGITS * 3.33:
            raise SecurityError(f"a number of more than {MAX_DIGITS} digits")
        return 1
    if isinstance(value, range) or not isinstance(value, Collection):
        return 1
    size, pending = 0, [value]
    while pending:
        item = pending.pop()
        if isinstance(item, (str, bytes)):
            size += 1 + len(item)
        elif isinstance(item, Mapping):
            size += 1
            pending += [*item.keys(), *item.values()]
        elif isinstance(item, Collection) and not isinstance(item, range):
            size += 1
            pending += item
        else:
            size += 1
        if size + len(pending) > MAX_TEXT:
            raise SecurityError("a list longer than a message may be")
    return size


def check_operation(operator: str, left: Any, right: Any) -> None:
    """What `+`, `*`, `**` and `%` would make.

    Raises:
        SecurityError: more than is allowed.
    """
    if operator == "**":
        if isinstance(right, (int, float, Decimal)) and (abs(right) > 100 or size_in_digits(left) > 100):
            raise SecurityError("a power beyond reason")
    elif operator == "*":
        for many, count in ((left, right), (right, left)):
            if isinstance(many, (str, bytes, list, tuple)) and isinstance(count, int) and count > 0:
                _check(size_of(many) * count)
        _check_digits(size_in_digits(left) + size_in_digits(right))
    elif operator == "%" and isinstance(left, (str, bytes)):
        check_format(left, right if isinstance(right, tuple) else (right,))


def check_format(text: str | bytes, values: Iterable[Any]) -> None:
    """What `text % values` or `text.format(*values)` would make.

    Raises:
        SecurityError: more than is allowed.
    """
    pattern = text.decode("latin-1") if isinstance(text, bytes) else text
    if _WIDE.search(pattern) or _NESTED_FIELD.search(pattern):
        raise SecurityError("a field wider than a message may be")
    largest = max((max(size_of(value), _written_length(value)) for value in values), default=0)
    fields = pattern.count("{") + pattern.count("%")
    widths = sum(map(int, _NUMBERS.findall(pattern)))
    _check(len(pattern) + fields * max(largest, _LONGEST_NUMBER) + widths, "a field wider than a message may be")


def check_text_method(name: str, text: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """What a method of a text would make.

    Raises:
        SecurityError: more than is allowed.
    """
    if name == "replace" and len(args) > 1:
        _check_replacement(text, args[0], args[1])
    elif name == "join" and args:
        _check_join(text, args[0])
    else:
        _check(sum(value for value in (*args, *kwargs.values()) if isinstance(value, int)))


def size_in_digits(number: Any) -> int:
    """About how many digits a whole number has."""
    return number.bit_length() // 3 if isinstance(number, int) else 0


def bounded_filters(filters: Mapping[str, Callable[..., Any]], allowance: Allowance) -> dict[str, Callable[..., Any]]:
    """Jinja's filters, each counted, and refused where it would make too much; those without a use in mail left out."""
    bounded = {name: _bounded(name, function, allowance) for name, function in filters.items() if name != "pprint"}
    # These hand on what they are given.
    return bounded | {name: filters[name] for name in ("default", "d", "safe")}


def _bounded(name: str, function: Callable[..., Any], allowance: Allowance) -> Callable[..., Any]:
    check = _CHECKS.get(name)
    # Some get the context, the environment or what is escaped before what they work on.
    first = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        allowance.turn()
        if check is not None and len(args) > first:
            check(args[first], args[first + 1 :], kwargs)
        result = function(*args, **kwargs)
        allowance.build(len(result) if isinstance(result, str) else size_of(result))
        return result

    return counted


def _check(size: int, words: str = "a text longer than a message may be") -> None:
    if size > MAX_TEXT:
        raise SecurityError(words)


def _check_digits(digits: int) -> None:
    if digits > MAX_DIGITS:
        raise SecurityError(f"a number of more than {MAX_DIGITS} digits")


def _written_length(value: Any) -> int:
    """How long a number gets that is written out without an exponent."""
    if isinstance(value, Decimal) and value.is_finite():
        return len(value.as_tuple().digits) + abs(value.adjusted()) + 2
    return 0


def _check_replacement(text: Any, old: Any, new: Any) -> None:
    text, old, new = str(text), str(old), str(new)
    _check(len(text) + (text.count(old) if old else len(text) + 1) * len(new))


def _check_join(separator: Any, items: Any) -> None:
    if isinstance(items, Collection):
        _check(size_of(items) + len(items) * size_of(separator))


def _check_numbers(most: int) -> Callable[[Any, tuple[Any, ...], Mapping[str, Any]], None]:
    def check(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        for number in (*args, *kwargs.values()):
            if isinstance(number, (int, float)) and abs(number) > most:
                raise SecurityError(f"a number beyond {most}, so a text longer than a message may be")

    return check


def _check_lines(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    text = str(value)
    each = sum(number if isinstance(number, int) else size_of(number) for number in (*args, *kwargs.values()))
    _check((text.count("\n") + 1) * max(each, 1))


def _check_slow(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    size = len(value) if isinstance(value, str) else size_of(value)
    extra = sum(abs(number) if isinstance(number, int) else size_of(number) for number in (*args, *kwargs.values()))
    if size > SLOW_FILTER_TEXT or size * extra > MAX_TEXT * 5:
        raise SecurityError("a text longer than this filter takes")


def _check_sum(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    if isinstance(kwargs.get("start", args[1] if len(args) > 1 else 0), Collection):
        raise SecurityError("sum adds numbers only")


def _check_items(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    size_of(value)


_CHECKS: dict[str, Callable[[Any, tuple[Any, ...], Mapping[str, Any]], None]] = {
    "batch": _check_numbers(10_000),
    "center": _check_numbers(MAX_TEXT),
    "format": lambda value, args, kwargs: check_format(str(value), [*args, kwargs]),
    "indent": _check_lines,
    "join": lambda value, args, kwargs: _check_join(args[0] if args else kwargs.get("d", ""), value),
    "replace": lambda value, args, kwargs: _check_replacement(
        value, args[0] if args else kwargs.get("old", ""), args[1] if len(args) > 1 else kwargs.get("new", "")
    ),
    "round": _check_numbers(100),
    "slice": _check_numbers(10_000),
    "striptags": _check_slow,
    "sum": _check_sum,
    "tojson": _check_numbers(10),
    "truncate": _check_numbers(MAX_TEXT),
    "urlize": _check_slow,
    "wordwrap": _check_slow,
    **dict.fromkeys(("dictsort", "groupby", "max", "min", "sort", "unique", "xmlattr"), _check_items),
}
