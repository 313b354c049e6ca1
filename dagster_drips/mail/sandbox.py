"""Where templates run: Jinja2 without a way out, and without a way to take the machine down by mistake.

Here belong the environment and its limits; what a template is given and what becomes of its text is in `templates`.
A template sees the texts of its own sequence version: no file system, no network.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateSyntaxError, Undefined
from jinja2 import filters as builtin_filters
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dagster_drips.mail.filters import value_filters

MAX_LOOPS = 100_000
"""Iterations of `range` in one rendering, all of them together."""
MAX_TEXT = 1_000_000
"""Characters that one operation may make out of less."""

_WIDE_PERCENT = re.compile(r"%(\([^)]*\))?[-+ #0]*(\*|\d{6,}|\d*\.(\*|\d{6,}))")
_WIDE_BRACES = re.compile(r"\{[^{}]*:[^}]*(\d{6,}|\{)")


class Record(dict[str, Any]):
    """Named values for templates: `lead.items` is the field of that name, never a method of dict.

    NULL is left out, so that `default` covers it and a bare use of it is an error that says which value was missing.
    """

    def __init__(self, name: str, values: Mapping[str, Any]):
        super().__init__({key: value for key, value in values.items() if value is not None})
        self.name = name


class MissingValue(StrictUndefined):
    """A value that a lead or an event lacks: false where a template asks first, an error where it is used."""

    __slots__ = ()

    __bool__ = Undefined.__bool__  # ty: ignore[incompatible-method-override]


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 over a dict of texts; HTML is escaped, `.txt` files and subjects are not.

    Args:
        files: template name → text, as kept with the sequence version.
        timezone: IANA name of the zone in which times are written for leads without one of their own.
    """

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, files: Mapping[str, str], timezone: str = "UTC"):
        super().__init__(
            loader=DictLoader(dict(files)),
            undefined=StrictUndefined,
            autoescape=lambda name: name is not None and not name.endswith(".txt"),
            auto_reload=False,
            cache_size=-1,
        )
        self.constants: dict[int, str] = {}
        """What compiled templates write as it stands, by `id`: tells a rendering's own text from values."""
        self._loops = threading.local()
        shared: dict[str, Any] = self.globals
        shared["range"] = self._range
        del shared["lipsum"]
        self.filters["center"] = _center
        self.filters["format"] = _format
        self.filters.update(value_filters(timezone))

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """Compile a template, and remember its texts."""
        code = super().compile(*args, **kwargs)
        pending = [code]
        while pending:
            for constant in pending.pop().co_consts:
                if isinstance(constant, CodeType):
                    pending.append(constant)
                elif isinstance(constant, str):
                    self.constants[id(constant)] = constant
        return code

    def begin_rendering(self) -> None:
        """Start this thread's count of loops anew; to be called before each rendering."""
        self._loops.left = MAX_LOOPS

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`, for records by key alone and for other mappings by key first."""
        if isinstance(obj, Mapping):
            return self._value_of(obj, attribute, lambda: super(TemplateEnvironment, self).getattr(obj, attribute))
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`; a missing key of a record is undefined under its full name."""
        if isinstance(obj, Record):
            return self._value_of(obj, argument, lambda: None)
        return super().getitem(obj, argument)

    def _value_of(self, mapping: Mapping[str, Any], key: Any, otherwise: Callable[[], Any]) -> Any | Undefined:
        if key in mapping:
            return mapping[key]
        if isinstance(mapping, Record):
            return MissingValue(hint=f"{mapping.name}.{key} has no value", name=str(key))
        return otherwise()

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls, unless it pads a text beyond reason."""
        numbers = [value for value in (*args, *kwargs.values()) if isinstance(value, int)]
        if isinstance(getattr(function, "__self__", None), str) and any(number > MAX_TEXT for number in numbers):
            raise SecurityError("a text longer than a message may be")
        return super().call(context, function, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`*`, `**` and `%`, unless the result would be beyond reason."""
        if operator == "*" and _product_size(left, right) > MAX_TEXT:
            raise SecurityError("a text longer than a message may be")
        if operator == "**" and isinstance(right, (int, float)) and (abs(right) > 100 or _digits(left) > 100):
            raise SecurityError("a power beyond reason")
        if operator == "%" and isinstance(left, str):
            _check_widths(left)
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`text.format` as the sandbox allows it, without fields of huge width."""
        wrapper = super().wrap_str_format(value)
        if wrapper is not None and _WIDE_BRACES.search(value.__self__):
            raise SecurityError("a field wider than a message may be")
        return wrapper

    def _range(self, *args: int) -> range:
        numbers = range(*args)
        left = getattr(self._loops, "left", MAX_LOOPS) - len(numbers)
        if left < 0:
            raise SecurityError(f"more than {MAX_LOOPS} turns of loops over range")
        self._loops.left = left
        return numbers


def syntax_problem(error: TemplateSyntaxError) -> str:
    """A broken template's message with the line it stands in."""
    return f"line {error.lineno}: {error.message}"


def _product_size(left: Any, right: Any) -> int:
    for text, number in ((left, right), (right, left)):
        if isinstance(text, (str, list, tuple)) and isinstance(number, int):
            return len(text) * number
    return _digits(left) + _digits(right)


def _digits(number: Any) -> int:
    return number.bit_length() // 3 if isinstance(number, int) else 0


def _check_widths(text: str) -> None:
    if _WIDE_PERCENT.search(text):
        raise SecurityError("a field wider than a message may be")


def _center(value: str, width: int = 80) -> str:
    if width > MAX_TEXT:
        raise SecurityError("a text longer than a message may be")
    return builtin_filters.do_center(value, width)


def _format(value: str, *args: Any, **kwargs: Any) -> str:
    _check_widths(str(value))
    return builtin_filters.do_format(value, *args, **kwargs)
