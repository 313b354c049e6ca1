"""docs/contract.md names what there is, all of it, and nothing else: settings, commands, keys of files, columns."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
import typer
import yaml
from conftest import DBT_PACKAGE, REPOSITORY

from dagster_drips.cli import commands  # noqa: F401  (registers them)
from dagster_drips.cli.app import app
from dagster_drips.collector.events.hooks_config import HooksFile
from dagster_drips.collector.webhooks import PROVIDERS
from dagster_drips.landing.columns import REQUIRED_COLUMNS
from dagster_drips.sequences.fields import Duration, StrictModel
from dagster_drips.sequences.schema import ProjectSettings, Sequence
from dagster_drips.sequences.senders import Senders
from dagster_drips.sequences.tests_schema import TestsFile
from dagster_drips.settings import Settings
from dagster_drips.vocabulary import ENGAGEMENT_TYPES, LANDED_COLUMNS, SuppressionReason
from dagster_drips.warehouse import open_warehouse

PAGE = (REPOSITORY / "docs" / "contract.md").read_text(encoding="utf-8")
COMMON_OPTIONS = {"--project", "--help"}
# What one process of ours hands to another; nobody sets these.
OURS = {"DRIPS_COLLECT_PROJECT", "DRIPS_COLLECT_COUNTERS", "DRIPS_COLLECT_PROXIES"}
VARIABLE = re.compile(r"DRIPS_[A-Z][A-Z0-9_]*(?:<[A-Z]+>[A-Z_]*)?")


def section(title: str) -> str:
    """The text under a heading, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title}"
    return found[1]


def rows(title: str) -> list[list[str]]:
    """The cells of the tables of a section, without their heads."""
    lines = re.findall(r"^\| (.*) \|$", section(title), re.MULTILINE)
    return [re.split(r"(?<!\\) \| ", line) for line in lines if line.startswith("`")]


def quoted(text: str) -> list[str]:
    """Names between backticks; one pair may hold several, with spaces or commas between."""
    return [name for group in re.findall(r"`([^`]*)`", text) for name in re.split(r",? ", group) if name]


def first_cells(title: str) -> list[str]:
    return [name for row in rows(title) for name in quoted(row[0])]


# Settings ------------------------------------------------------------------------------------------------------------


def variables_of_settings() -> set[str]:
    """By the fields of `Settings`; of a field that holds several by name, what stands before the name."""
    several = {name for name, field in Settings.model_fields.items() if typing.get_origin(field.annotation) is dict}
    return {f"DRIPS_{name.upper()}" for name in set(Settings.model_fields) - several} | {
        f"DRIPS_{name.upper().removesuffix('S')}_<" for name in several
    }


def documented_variables() -> set[str]:
    return set(first_cells("Settings")) | set(VARIABLE.findall(section("Settings").rpartition("\n\n")[2]))


def pattern(variable: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"<[A-Z]+>", "[A-Z0-9_]+", variable))


def used_variables() -> set[str]:
    """Whatever the package and dbt's profile name, in code and in prose; a name that ends with _ is a part of one."""
    files = [*(REPOSITORY / "dagster_drips").rglob("*.py"), REPOSITORY / "dbt_project" / "profiles.yml"]
    found = {name for file in files for name in VARIABLE.findall(file.read_text(encoding="utf-8"))}
    return {name for name in found if not name.endswith("_")} - OURS


def test_every_setting_is_in_the_contract() -> None:
    documented = documented_variables()
    missing = {
        name
        for name in variables_of_settings()
        if name not in documented and not (name.endswith("<") and any(one.startswith(name) for one in documented))
    }
    assert missing == set()


def test_every_variable_that_the_code_names_is_in_the_contract() -> None:
    known = [pattern(variable) for variable in documented_variables()]
    assert {
        name for name in used_variables() if not any(one.fullmatch(pattern_example(name)) for one in known)
    } == set()


def pattern_example(variable: str) -> str:
    return re.sub(r"<[A-Z]+>", "NAME", variable)


@pytest.mark.parametrize("variable", sorted(documented_variables()))
def test_a_setting_of_the_contract_is_read_somewhere(variable: str) -> None:
    known = variables_of_settings()
    used = {pattern_example(name) for name in used_variables()}
    assert (
        variable in known
        or any(name.endswith("<") and variable.startswith(name) for name in known)
        or any(pattern(variable).fullmatch(name) for name in used)
    )


def test_defaults_of_the_contract_are_those_of_the_settings() -> None:
    told = {name: row[2].strip("`") for row in rows("Settings") for name in quoted(row[0])}
    fields = {f"DRIPS_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    compared = {
        name: str(default) for name, default in fields.items() if isinstance(default, int | str) and name in told
    }
    assert {"DRIPS_TARGET", "DRIPS_SMTP_CONNECTIONS", "DRIPS_IN_DOUBT", "DRIPS_FILE_MODE"} <= set(compared)
    # Schedules are told in words.
    assert {name: told[name] for name in compared if "SCHEDULE" not in name} == {
        name: default for name, default in compared.items() if "SCHEDULE" not in name
    }


def test_providers_of_webhooks_are_those_of_their_page() -> None:
    page = (REPOSITORY / "docs" / "webhooks.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| [^|]* \| `DRIPS_WEBHOOK_([A-Z]+)` \|", page, re.MULTILINE))
    assert told == {provider.name.upper() for provider in PROVIDERS}


# Commands ------------------------------------------------------------------------------------------------------------


def test_the_commands_of_the_contract_are_those_of_drips() -> None:
    told = {quoted(row[0])[1]: set(quoted(row[1])) for row in rows("Commands")}
    group = typer.main.get_command(app)
    there = {
        name: {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        - COMMON_OPTIONS
        for name, command in group.commands.items()  # ty: ignore[unresolved-attribute]
    }
    assert told == there


# Keys of sequence files ----------------------------------------------------------------------------------------------


def models_in(annotation: typing.Any) -> list[type[StrictModel]]:
    """The models that a field holds, also in lists, mappings and alternatives; a duration is a value."""
    if isinstance(annotation, type) and issubclass(annotation, StrictModel):
        return [] if annotation is Duration else [annotation]
    return [model for part in typing.get_args(annotation) for model in models_in(part)]


def keys_of(model: type[StrictModel], prefix: str = "") -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        keys.add(prefix + name)
        for inner in models_in(field.annotation):
            keys |= keys_of(inner, f"{prefix}{name}.")
    return keys


@pytest.mark.parametrize(
    ("title", "model"),
    [
        ("`sequences/<sequence_id>/sequence.yml`", Sequence),
        ("`sequences/<sequence_id>/tests.yml`", TestsFile),
        ("`sequences/project.yml`", ProjectSettings),
        ("`sequences/senders.yml`", Senders),
        ("`sequences/hooks.yml`", HooksFile),
    ],
)
def test_the_keys_of_the_contract_are_those_of_the_file(title: str, model: type[StrictModel]) -> None:
    told = first_cells(title)
    assert len(told) == len(set(told))
    assert set(told) == keys_of(model)


# Tables --------------------------------------------------------------------------------------------------------------


def told_columns(title: str) -> dict[str, set[str]]:
    found = {quoted(row[0])[0]: row[2] for row in rows(title)}
    common = re.search(r"^\*\*The counts and rates\*\*.*?(`.*`)$", section(title), re.MULTILINE)
    shared = set(quoted(common[1])) if common else set()
    return {
        table: set(quoted(cell)) | (shared if "the counts and rates" in cell else set())
        for table, cell in found.items()
    }


def test_the_marts_of_the_contract_have_the_columns_that_dbt_documents() -> None:
    documents = [yaml.safe_load(file.read_text()) for file in DBT_PACKAGE.glob("models/marts/*.yml")]
    models = [model for document in documents for model in document.get("models") or []]
    assert told_columns("Schema `marts`: for BI") == {
        f"marts.{model['name']}": {column["name"] for column in model["columns"]} for model in models
    }


def test_the_raw_tables_of_the_contract_have_the_columns_of_a_new_warehouse(tmp_path: Path) -> None:
    told = told_columns("Schema `raw`: what came in")
    with open_warehouse(tmp_path / "new.duckdb") as warehouse:
        assert told == {table: set(warehouse.columns(table)) - {"_load", "_line"} for table in told}


def test_the_columns_of_landing_files_are_those_that_are_read() -> None:
    told = {quoted(kind)[0]: (set(quoted(required)), set(quoted(known))) for kind, required, known in landing_rows()}
    assert told == {
        kind: (set(REQUIRED_COLUMNS[kind]), set(columns) - set(REQUIRED_COLUMNS[kind]))
        for kind, columns in LANDED_COLUMNS.items()
    }


@pytest.mark.parametrize(
    ("beginning", "words"),
    [("- **Engagement**", ENGAGEMENT_TYPES), ("- **Suppressions**", tuple(SuppressionReason))],
)
def test_the_words_in_landing_files_are_those_of_the_vocabulary(beginning: str, words: tuple[str, ...]) -> None:
    (paragraph,) = re.findall(rf"^{re.escape(beginning)}.*?(?=^- |\n\n)", PAGE, re.DOTALL | re.MULTILINE)
    assert [word for word in words if word not in quoted(paragraph)] == []


def landing_rows() -> list[list[str]]:
    """What stands in parentheses are values."""
    return [[re.sub(r"\(.*?\)", "", cell) for cell in row] for row in rows("In: landing files")]


# Dagster -------------------------------------------------------------------------------------------------------------


def test_the_names_in_dagster_stand_in_the_code() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (REPOSITORY / "dagster_drips").rglob("*.py"))
    told = [name for name in quoted(section("Dagster").partition("`build_defs")[0]) if "<" not in name]
    assert len(told) > 15
    assert [name for name in told if f'"{name}"' not in code] == []
