"""JSON Schemas of the files that people write, made from the models that check them, for editors to complete by.

What belongs here is which files there are and where the schemas lie. What may stand in a file is its model's matter; a
schema says less than `drips validate` does, and never something else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dagster_drips.collector.events.hooks_config import HooksFile
from dagster_drips.files import atomic_write
from dagster_drips.sequences.schema import ProjectSettings, Sequence
from dagster_drips.sequences.senders import Senders
from dagster_drips.sequences.tests_schema import TestsFile

FOLDER = ".schema"
"""In `sequences/`; folders that begin with a dot are no sequences."""
_DRAFT = "http://json-schema.org/draft-07/schema#"
_MODELS: dict[str, type[BaseModel]] = {
    "hooks": HooksFile,
    "project": ProjectSettings,
    "senders": Senders,
    "sequence": Sequence,
    "tests": TestsFile,
}


def header(name: str, depth: int) -> str:
    """The comment by which an editor finds the schema of a file that lies so many folders below `sequences/`."""
    return f"# yaml-language-server: $schema={'../' * depth}{FOLDER}/{name}.json\n"


def json_schemas() -> dict[str, str]:
    """The text of each schema by the kind of file: `sequence`, `tests`, `project`, `senders`, `hooks`."""
    return {
        name: json.dumps(_plain({"$schema": "http://json-schema.org/draft-07/schema#", **_schema(model)}), indent=1)
        + "\n"
        for name, model in _MODELS.items()
    }


def write_json_schemas(sequences: Path) -> None:
    """Put them into `sequences/.schema/`; those that are current stay as they are."""
    for name, text in json_schemas().items():
        path = sequences / FOLDER / f"{name}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            atomic_write(path, text.encode())


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": _DRAFT, **_plain(model.model_json_schema(mode="validation"))}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without titles, which repeat names, and defaults, which stand in Python's words; a key may have no value."""
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("title", "default"):
            continue
        if key in ("properties", "$defs"):
            parts = {name: _plain(part) for name, part in value.items()}
            plain[key] = {name: _or_nothing(part) for name, part in parts.items()} if key == "properties" else parts
        elif key in ("anyOf", "oneOf", "allOf"):
            plain[key] = [_plain(part) for part in value]
        else:
            plain[key] = _plain(value) if isinstance(value, dict) and key != "discriminator" else value
    return plain


def _or_nothing(schema: dict[str, Any]) -> dict[str, Any]:
    """A key without a value counts as absent."""
    if {"type": "null"} in schema.get("anyOf", []):
        return schema
    told = {key: schema[key] for key in ("description",) if key in schema}
    return {**told, "anyOf": [{key: value for key, value in schema.items() if key not in told}, {"type": "null"}]}


if __name__ == "__main__":
    write_json_schemas(Path("sequences"))
