"""A model of the product as dbt compiles it, for tests and benchmarks that make the tables it reads themselves.

Only the rendering of one model with the project's macros; what dbt makes of a whole project comes from a copy of it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2
import yaml

from dagster_drips.pipeline.dbt_package import PACKAGE as _PACKAGE


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)
    environment.globals |= {"source": _source, "ref": _ref, "config": _nothing, "var": _default_of}
    environment.globals |= {"adapter": _Adapter(), "return": str}
    return environment


class _Adapter:
    """dbt's `adapter`, where each macro that is dispatched is DuckDB's."""

    @jinja2.pass_context
    def dispatch(self, context: jinja2.runtime.Context, macro: str, _package: str) -> object:
        return context.resolve(f"default__{macro}")

    @staticmethod
    def quote(name: str) -> str:
        return f'"{name}"'


def _default_of(name: str, default: object) -> object:
    return default


@cache
def _schemas() -> dict[str, str]:
    files = sorted((_PACKAGE / "models").glob("sources*.yml"))
    sources = [source for file in files for source in yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]]
    return {source["name"]: source.get("schema", source["name"]) for source in sources}


def _source(name: str, table: str) -> str:
    return f"{_schemas()[name]}.{table}"


def _nothing(**_configuration: object) -> str:
    return ""


def _file_of(model: str) -> Path:
    [file] = _PACKAGE.glob(f"models/**/{model}.sql")
    return file


def _ref(*name: str) -> str:
    return relation_of(name[-1])  # a package before it is the product's


def relation_of(model: str) -> str:
    """Schema and name: a schema is a folder of `models/`; seeds stand in that of staging."""
    if (_PACKAGE / "seeds" / f"{model}.csv").exists():
        return f"staging.{model}"
    return f"{_file_of(model).relative_to(_PACKAGE / 'models').parts[0]}.{model}"


def rendered(template: str) -> str:
    """A template's SQL, with every macro of the project at hand."""
    macros = "".join(file.read_text(encoding="utf-8") for file in sorted(_PACKAGE.glob("macros/**/*.sql")))
    return _environment().from_string(macros + template).render().strip()


def view_of(model: str) -> str:
    """The statement that creates a model as a view."""
    return f"create or replace view {relation_of(model)} as {rendered(_file_of(model).read_text(encoding='utf-8'))}"
