"""Where templates run: Jinja2 without a way out, and without a way to take the machine down by mistake.

Here belong the environment and what a template may reach; how much it may do is in `template_limits`, what it is given
and what becomes of its text in `templates`. A template sees the texts of its own sequence version: no file system, no
network, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from datetime import date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from types import CodeType
from typing import Any

from jinja2 import DictLoader, StrictUndefined, Template, TemplateSyntaxError, Undefined
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace

from dagster_drips.templating.filters import value_filters
from dagster_drips.templating.template_code import CountingCode
from dagster_drips.templating.template_limits import (
    MAX_TURNS,
    Allowance,
    bounded_filters,
    check_format,
    check_operation,
    check_text_method,
    size_of,
)

_OF_DATES = frozenset(
    (
        "year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold", "days", "seconds",
        "microseconds", "date", "time", "isoformat", "strftime", "weekday", "isoweekday", "isocalendar", "replace",
        "astimezone", "utcoffset", "tzname", "timestamp", "total_seconds", "toordinal",
    )
)  # fmt: skip
_OF_TEXTS = frozenset(
    (
        "capitalize", "casefold", "center", "count", "endswith", "find", "format", "format_map", "index", "isalnum",
        "isalpha", "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join",
        "ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
        "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper",
        "zfill",
    )
)  # fmt: skip
_ALLOWED: dict[type, frozenset[str]] = {
    str: _OF_TEXTS,
    datetime: _OF_DATES,
    date: _OF_DATES,
    time_of_day: _OF_DATES,
    timedelta: _OF_DATES,
    tzinfo: frozenset({"tzname"}),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    float: frozenset({"is_integer"}),
}
"""Attributes of values that templates may use; of any other value none."""
MAX_REASON = 500
"""Characters of the words with which a template declines."""
_JINJAS_OWN = (
    BlockReference,
    Cycler,
    Joiner,
    LoopContext,
    Macro,
    Namespace,
    TemplateModule,
    TemplateReference,
    Undefined,
)


class Record(dict[str, Any]):
    """Named values for templates: `lead.items` is the field of that name, never a method of dict.

    NULL is left out, so that `default` covers it and a bare use of it is an error that says which value was missing.
    """

    has_rows = False
    """Whether what it lacks is a row of its own (M9), of which every column is missing, too."""
    nulls: frozenset[str] = frozenset()
    """Of a row (M9): its columns that are NULL."""

    def __init__(self, name: str, values: Mapping[str, Any]):
        super().__init__({key: value for key, value in values.items() if value is not None})
        self.name = name


class MissingValue(StrictUndefined):
    """A value that a lead or an event lacks: false where a template asks first, an error where it is used."""

    __slots__ = ()

    __bool__ = Undefined.__bool__  # ty: ignore[incompatible-method-override]


class MissingRow(MissingValue):
    """A content model without a row for a lead: each of its columns is missing as well, so that `default` covers it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> MissingRow:
        if name.startswith("__"):
            raise AttributeError(name)
        return MissingRow(hint=self._undefined_hint, name=name)

    def __getitem__(self, key: object) -> MissingRow:  # ty: ignore[incompatible-method-override]
        return MissingRow(hint=self._undefined_hint, name=str(key))


class _Namespace(Namespace):
    """Jinja's, which writes out all that it holds: that may be itself, or grow without end."""

    def __repr__(self) -> str:
        return "<Namespace>"


class _Template(Template):
    """Jinja's, with what an import writes counted."""

    def make_module(self, *args: Any, **kwargs: Any) -> TemplateModule:
        return self._counted(super().make_module(*args, **kwargs))

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        return self._counted(super()._get_default_module(ctx))

    def _counted(self, module: TemplateModule) -> TemplateModule:
        environment: Any = self.environment
        environment.allowance.build(sum(map(len, module._body_stream)))
        return module


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 over a dict of texts; HTML is escaped, `.txt` files and subjects are not. For one thread at a time.

    Args:
        files: template name → text, as kept with the sequence version.
        timezone: IANA name of the zone in which times are written for leads without one of their own.
    """

    code_generator_class = CountingCode
    template_class = _Template
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, files: Mapping[str, str], timezone: str = "UTC"):
        super().__init__(
            loader=DictLoader(dict(files)),
            undefined=StrictUndefined,
            autoescape=lambda name: name is not None and not name.endswith(".txt"),
            auto_reload=False,
            cache_size=-1,
            # Nothing is worked out while compiling, where nothing is counted.
            optimized=False,
        )
        self.constants: dict[int, str] = {}
        """What compiled templates write as it stands, by `id`: tells a rendering's own text from values."""
        self.allowance = allowance = Allowance()
        # Called by compiled code (`template_code`).
        self.turn, self.turns = allowance.turn, allowance.turns
        self.built, self.shown, self.escaped = allowance.built, allowance.shown, allowance.escaped
        join: Any = allowance.joined
        self.concat = join
        shared: dict[str, Any] = self.globals
        shared["range"] = _range
        shared["namespace"] = _Namespace
        shared["skip"] = _skip
        del shared["lipsum"]
        self.filters = bounded_filters({**self.filters, **value_filters(timezone)}, allowance)

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

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What a template has beside its context: a dict, which is copied for every rendering, not Jinja's chain."""
        return {**self.globals, **(d or {})}

    def begin_rendering(self) -> None:
        """Start counting anew; to be called before each rendering."""
        self.allowance.begin()

    def get_template(self, *args: Any, **kwargs: Any) -> Template:
        """A template by its name; counted, as an include may be repeated."""
        self.turn()
        return super().get_template(*args, **kwargs)

    def select_template(self, *args: Any, **kwargs: Any) -> Template:
        """The first of several templates that is there; counted."""
        self.turn()
        return super().select_template(*args, **kwargs)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`, for records by key alone and for other mappings by key first."""
        if type(obj) is Record and (value := obj.get(attribute)) is not None:
            return value  # what nearly every value of a message comes by
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
            missing = MissingRow if mapping.has_rows else MissingValue
            why = "is NULL in its row" if key in mapping.nulls else f"has no {'row' if mapping.has_rows else 'value'}"
            return missing(hint=f"{mapping.name}.{key} {why}", name=str(key))
        return otherwise()

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may reach that: what Jinja's sandbox allows, and of plain values only what is listed."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        if isinstance(obj, _JINJAS_OWN):
            return True
        return any(attr in names for kind, names in _ALLOWED.items() if isinstance(obj, kind))

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls; counted, and refused where it would make too much."""
        self.turn()
        owner = getattr(function, "__self__", None)
        if isinstance(owner, str):
            if function.__name__ == "join" and args and not isinstance(args[0], (list, tuple, str)):
                args = ([*self.turns(args[0])], *args[1:])
            check_text_method(function.__name__, owner, args, kwargs)
        result = super().call(context, function, *args, **kwargs)
        if isinstance(result, str):
            self.allowance.build(len(result))
        elif isinstance(result, (int, list, tuple, dict)):
            self.allowance.build(size_of(result))
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+`, `*`, `**` and `%`, counted, and refused where they would make too much."""
        check_operation(operator, left, right)
        result = super().call_binop(context, operator, left, right)
        self.allowance.build(size_of(result))
        return result

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`text.format` as the sandbox allows it, unless it makes too much."""
        wrapper = super().wrap_str_format(value)
        if wrapper is None:
            return None
        text: str = value.__self__

        def checked(*args: Any, **kwargs: Any) -> str:
            check_format(text, [*args, kwargs])
            return wrapper(*args, **kwargs)

        return checked


class Declined(Exception):
    """A template said `skip('why')` (M10); the text is why, in one line."""


def _skip(reason: object = None) -> str:
    words = " ".join(str(reason).split()) if isinstance(reason, str) else ""
    if not 0 < len(words) <= MAX_REASON:
        raise SecurityError(
            f"skip needs a reason, of at most {MAX_REASON} characters: skip('fewer than three products')"
        )
    raise Declined(words)


def _range(*args: int) -> range:
    numbers = range(*args)
    if len(numbers) > MAX_TURNS:
        raise SecurityError(f"more than {MAX_TURNS} turns of loops")
    return numbers


def syntax_problem(error: TemplateSyntaxError) -> str:
    """A broken template's message with the line it stands in."""
    return f"line {error.lineno}: {error.message}"
