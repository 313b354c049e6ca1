"""Hooks of MkDocs: pages that are generated from the code, and links to files that are no pages.

Here belongs what the site shows beside the files in `docs/`: the reference of commands, settings, keys, landing
columns and tables, each read from where the product itself reads it. What a page says belongs into that page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parent.parent
SCHEMAS = REPOSITORY / "sequences" / ".schema"
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]+)?\)")
_KEY_FILES = {
    "sequence": "sequences/<sequence_id>/sequence.yml",
    "tests": "sequences/<sequence_id>/tests.yml",
    "project": "sequences/project.yml",
    "senders": "sequences/senders.yml",
    "hooks": "sequences/hooks.yml",
}
_FOR_READERS = ("marts", "staging")
"""Layers of models that people ask: BI reads marts, segments read staging."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the pages that stand beside `docs/`."""
    pages = {
        "reference/commands.md": commands_page(),
        "reference/settings.md": settings_page(),
        "reference/keys.md": keys_page(),
        "reference/landing.md": landing_page(),
        "reference/tables.md": tables_page(),
        "changelog.md": (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"),
        "contributing.md": (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8").replace("](docs/", "]("),
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A link to a file that is no page becomes the file's name: the site is read without the repository."""

    def shown(match: re.Match[str]) -> str:
        text, target, _ = match.groups()
        path = (Path(page.file.src_uri).parent / target).as_posix()
        if files.get_file_from_path(path) or not target.startswith("../"):
            return match[0]
        top = {"../CHANGELOG.md": "changelog.md", "../CONTRIBUTING.md": "contributing.md", "../README.md": "index.md"}
        return f"[{text}]({top[target]})" if target in top else f"{text} (`{target.removeprefix('../')}`)"

    return _LINK.sub(shown, markdown)


# Pages from the code -------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments, options and help, as `--help` has it."""
    from dagster_drips.cli import commands  # noqa: F401  (registers them)
    from dagster_drips.cli.app import app

    root = typer.main.get_command(app)
    parts = ["# Commands", "Every command has `--help`, and takes `--project DIR` before its name."]
    for path, command in _commands(root, "drips"):
        usage = " ".join([path, *(_metavar(one) for one in command.params if one.param_type_name == "argument")])
        parts += [f"## `{path}`", f"```\n{usage} [OPTIONS]\n```", _paragraphs(command.help or "")]
        options = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
        rows = [[f"`{', '.join([*one.opts, *one.secondary_opts])}`", _line(one.help or "")] for one in options]
        parts.append(_table(["option", "what"], rows))
    return "\n\n".join(part for part in parts if part)


def settings_page() -> str:
    """Every setting, what it is for and its default, by the contract, which a test compares with the code."""
    text = _table(["name", "what", "default"], _rows_of_contract("## Settings"))
    note = "From the environment, or from a `.env` in the project folder; `drips doctor` lists them with their values."
    return "\n\n".join(["# Settings", note, text])


def keys_page() -> str:
    """Every key of the YAML files: its values by the JSON Schemas, its words by the contract, which a test compares."""
    parts = ["# Keys of YAML files", "Editors complete and check these files by the schemas in `sequences/.schema/`."]
    for name, file in _KEY_FILES.items():
        schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
        kinds = dict(_keys(schema, schema, "", ()))
        rows = []
        for keys, what, default in _rows_of_contract(f"### `{file}`"):
            names = re.findall(r"`([^`]+)`", keys)
            values = dict.fromkeys(kinds[one] for one in names if kinds.get(one))
            rows.append(["<br>".join(f"`{one}`" for one in names), "<br>".join(values), what, default])
        parts += [f"## `{file}`", _table(["key", "value", "what", "default"], rows)]
    return "\n\n".join(part for part in parts if part)


def landing_page() -> str:
    """The columns of each kind of landing file, and which of them a file must have."""
    from dagster_drips.landing.columns import REQUIRED_COLUMNS
    from dagster_drips.vocabulary import LANDED_COLUMNS

    parts = [
        "# Columns of landing files",
        "Formats, times and what happens to mistakes: [landing files](../landing.md).",
    ]
    for kind, columns in LANDED_COLUMNS.items():
        required = REQUIRED_COLUMNS[kind]
        rows = [[f"`{column}`", "required" if column in required else ""] for column in columns]
        parts += [f"## `data/landing/{kind}/`", _table(["column", ""], rows)]
        if kind == "leads":
            parts.append("Any other column is a custom field of the lead.")
    return "\n\n".join(parts)


def tables_page() -> str:
    """The tables that BI and segments read, with every column, from dbt's own documentation."""
    parts = ["# Tables", "`marts` is for BI; `staging` is what segments are written on."]
    models = {layer: sorted(_models(layer), key=lambda model: model["name"]) for layer in _FOR_READERS}
    for layer, found in models.items():
        for model in found:
            rows = [
                [f"`{one['name']}`", one.get("data_type", ""), _line(one.get("description", ""))]
                for one in model.get("columns", [])
            ]
            parts += [f"## `{layer}.{model['name']}`", _paragraphs(model.get("description", ""))]
            parts.append(_table(["column", "type", "what"], rows))
    return "\n\n".join(part for part in parts if part)


# Reading the sources -------------------------------------------------------------------------------------------------


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _metavar(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _rows_of_contract(heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table under a heading of the contract, with links that hold from `reference/`."""
    contract = (REPOSITORY / "docs" / "contract.md").read_text(encoding="utf-8")
    section = re.split(r"\n#+ ", contract.partition(f"\n{heading}\n")[2])[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table, f"no table under {heading} in the contract"
    text = re.sub(r"\]\((?!https?:)([^)]*\.md)", r"](../\1", table[0])
    return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in text.splitlines()[2:]]


def _keys(schema: dict[str, Any], whole: dict[str, Any], path: str, seen: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Path and kind of each key as the contract writes it; a key whose value has keys is followed by those."""
    schema, seen = _resolved(schema, whole, seen)
    for name, one in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        inner, inner_seen = _resolved(one, whole, seen)
        yield here, _kind(one, whole)
        for option in (
            inner,
            *(_resolved(each, whole, seen)[0] for each in (*inner.get("anyOf", ()), *inner.get("oneOf", ()))),
        ):
            if option.get("type") == "array":
                yield from _keys(option.get("items", {}), whole, here, inner_seen)
            elif option.get("properties"):
                yield from _keys(option, whole, here, inner_seen)


def _resolved(
    schema: dict[str, Any], whole: dict[str, Any], seen: tuple[str, ...]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a reference stands for; nothing where it leads back to where it stands."""
    reference = schema.get("$ref")
    if not reference:
        return schema, seen
    name = reference.rpartition("/")[2]
    return ({}, seen) if name in seen else (whole["$defs"][name], (*seen, name))


def _kind(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    schema, _ = _resolved(schema, whole, ())
    if {"days", "hours"} <= schema.get("properties", {}).keys():
        return "duration"
    if "enum" in schema:
        return " · ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        kinds = dict.fromkeys(_kind(option, whole) for option in options)
        if "text" in kinds:  # a number where text is meant is taken as it is written
            kinds = {kind: None for kind in kinds if kind not in ("whole number", "number")}
        return ", or ".join(kind for kind in kinds if kind not in ("", "null"))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), whole) or 'values'}"
    return {"object": "keys", "string": "text", "integer": "whole number", "boolean": "`true` · `false`"}.get(
        schema.get("type", ""), schema.get("type", "")
    )


def _models(layer: str) -> list[dict[str, Any]]:
    from dagster_drips.pipeline.dbt_package import PACKAGE

    models = []
    for file in sorted((PACKAGE / "models" / layer).glob("*.yml")):
        models += yaml.safe_load(file.read_text(encoding="utf-8")).get("models") or []
    return models


# Markdown ------------------------------------------------------------------------------------------------------------


def _table(head: list[str], rows: list[Any]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _line(text: str) -> str:
    """As one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(text: str) -> str:
    """Prose as it is, examples (indented, as typer shows them) as code."""
    blocks = [block.strip("\n\b ") for block in re.split(r"\n\s*\n", text) if block.strip()]
    return "\n\n".join(
        f"```\n{block}\n```" if block.startswith("drips ") else " ".join(block.split()) for block in blocks
    )
