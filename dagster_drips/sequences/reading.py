"""One YAML document against one pydantic model: the value, or every mistake with its line, in words for the author.

Here belongs the wording of shape mistakes (unknown keys, wrong types, missing keys); the shapes are in `schema`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from dagster_drips.sequences.problems import Problem, nearest, suggestion
from dagster_drips.sequences.yaml_source import AmbiguousWord, Mistake, Path, YamlDocument, read_yaml

Model = TypeVar("Model", bound=BaseModel)

_WANTED = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "list_type": "must be a list, such as [{example}]",
    "dict_type": "must be a mapping of keys and values",
}


class Reading:
    """A file that is being checked: its document, and the problems found so far.

    Args:
        file: for problems, relative to the project folder.
        content: the file's bytes.

    `document` is None where nothing more can be said than `problems` does.
    """

    def __init__(self, file: str, content: bytes):
        self.file = file
        self.problems: list[Problem] = []
        found = read_yaml(content)
        self.document = None if isinstance(found, Mistake) else found
        self.data: dict[str, Any] = {}
        for mistake in [found] if isinstance(found, Mistake) else found.mistakes:
            self.problems.append(Problem(file, mistake.line, mistake.message))
        data = found.data if isinstance(found, YamlDocument) else {}
        if isinstance(data, dict):
            self.data = data
        elif data is not None:
            self.document = None
            self.problems.append(Problem(file, 1, "must be a mapping of keys and values (key: value)"))

    @property
    def is_broken(self) -> bool:
        """Whether anything found so far keeps the file from being taken."""
        return any(problem.severity == "error" for problem in self.problems)

    def line_of(self, path: Path) -> int:
        """The line of that part of the document."""
        return self.document.line_of(path) if self.document else 1

    def error(self, path: Path, message: str) -> None:
        """Note a mistake at that part of the document."""
        self.problems.append(Problem(self.file, self.line_of(path), message))

    def warning(self, path: Path, message: str) -> None:
        """Note a surprise at that part of the document."""
        self.problems.append(Problem(self.file, self.line_of(path), message, "warning"))

    def validated(self, model: type[Model]) -> Model | None:
        """The document as a model; None where it has mistakes, which are noted."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                path = _real_path(self.data, detail["loc"], missing=detail["type"] == "missing")
                self.error(path, _message(model, path, dict(detail)))
            return None

    def without_mistakes(self, model: type[Model]) -> Model | None:
        """What the document says in the top-level keys that are right, for going on after mistakes.

        Of a key with entries of people's own naming, such as `fields`, only those that are wrong are left out.
        """
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            wrong = {detail["loc"][:2] for detail in error.errors(include_url=False) if detail["loc"]}
        data = dict(self.data)
        for top, *entry in wrong:
            key = str(top)
            field, entries = model.model_fields.get(key), data.get(key)
            has_entries = field is not None and get_origin(field.annotation) is dict and isinstance(entries, dict)
            if has_entries and entry and entry[0] in entries:
                data[key] = {name: value for name, value in entries.items() if name != entry[0]}
            else:
                data.pop(key, None)
        try:
            return model.model_validate(data)
        except ValidationError:
            return None


def _real_path(data: Any, loc: tuple[str | int, ...], *, missing: bool) -> Path:
    """pydantic's location without the names of unions' branches, which stand in no file."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(data, dict) and part in data:
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            continue
        path.append(part)
    return (*path, loc[-1]) if missing else tuple(path)


def _message(model: type[BaseModel], path: Path, detail: dict[str, Any]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    name = _name(path)
    if kind == "missing":
        return f"missing key '{path[-1]}'" + (f" in {_name(path[:-1])}" if len(path) > 1 else "")
    if kind == "extra_forbidden":
        return _unknown_key(model, path)
    if kind == "value_error":
        reason = str(context["error"])
        return f"{name}: {reason}"
    if kind == "literal_error":
        known = list(_literals(model, path)) or [str(context.get("expected", ""))]
        return f"{name}: unknown value '{detail['input']}'{suggestion(str(detail['input']), known)}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = context.get("ge", context.get("le"))
        relation = "at least" if kind == "greater_than_equal" else "at most"
        return f"{name} must be {relation} {bound:g}, not {detail['input']}"
    if kind == "too_short":
        return f"{name} must not be empty"
    if kind in ("model_type", "model_attributes_type"):
        keys = ", ".join(_known_keys(model, path))
        return f"{name} must be a mapping with some of the keys {keys}, not {_kind_of(detail['input'])}"
    wanted = _WANTED.get(kind, detail["msg"]).format(example=detail["input"])
    quoting = "; put it in quotes" if kind == "string_type" and isinstance(detail["input"], (bool, int, float)) else ""
    return f"{name} {wanted}, not {_kind_of(detail['input'])}{quoting}"


def _unknown_key(model: type[BaseModel], path: Path) -> str:
    key, known = str(path[-1]), _known_keys(model, path[:-1])
    where = f" in {_name(path[:-1])}" if len(path) > 1 else ""
    close = nearest(key, known)
    places = [place for place in _places(model).get(key, ()) if place]
    if not close and places:
        return f"unknown key '{key}'{where}; it belongs in {' or '.join(places)}"
    return f"unknown key '{key}'{where}{suggestion(key, known)}"


def _name(path: Path) -> str:
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "the file"


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"the word {value}" if isinstance(value, AmbiguousWord) else "text" if isinstance(value, str) else "nothing"


def _annotation(model: type[BaseModel], path: Path) -> Any:
    """The type of that part of a model; None beyond what the model knows."""
    annotation: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
            continue
        owner = next(_models(annotation), None)
        if owner is None or part not in owner.model_fields:
            return None
        annotation = owner.model_fields[part].annotation
    return annotation


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _known_keys(model: type[BaseModel], path: Path) -> list[str]:
    owner = next(_models(_annotation(model, path)), None)
    return list(owner.model_fields) if owner else []


def _literals(model: type[BaseModel], path: Path) -> Iterator[str]:
    pending = [_annotation(model, path)]
    while pending:
        for inner in get_args(pending.pop()):
            if isinstance(inner, str):
                yield inner
            else:
                pending.append(inner)


@cache
def _places(model: type[BaseModel]) -> dict[str, list[str]]:
    """Key → the names of the mappings that know it ('' for the top level)."""
    places: dict[str, list[str]] = {}
    pending: list[tuple[str, type[BaseModel]]] = [("", model)]
    while pending:
        name, owner = pending.pop()
        for key, field in owner.model_fields.items():
            if name not in places.setdefault(key, []):
                places[key].append(name)
            pending.extend((key, inner) for inner in _models(field.annotation) if inner.__name__ != "Duration")
    return places
