"""What a project is told where its own files and the product's dbt package don't go together."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import DBT_PACKAGE, copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.errors import DripsError
from dagster_drips.pipeline import dbt_package
from dagster_drips.pipeline.dbt_package import COPIED, link_package, names_taken
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.segments import parse_readable
from dagster_drips.project import Project
from dagster_drips.scaffold.new_files import new_content, new_segment
from dagster_drips.scaffold.new_project import new_project

SEGMENT = "select lead_id from {{ ref('stg_leads') }}\n"
OF_MODEL = "the product has a model of the name '{}'; give this one another"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A new project, which no dbt has read."""
    new_project(tmp_path / "shop")
    return Project.at(tmp_path / "shop")


def write(project: Project, name: str, text: str) -> Path:
    file = project.dbt / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def told(project: Project, *arguments: str) -> tuple[int, str]:
    """A command's exit code and what it printed."""
    result = CliRunner().invoke(app, [*arguments, "--project", str(project.root)])
    return result.exit_code, result.output


def test_a_new_project_has_no_name_of_the_products(project: Project) -> None:
    assert names_taken(project.dbt) == []
    assert told(project, "validate")[0] == 0


@pytest.mark.parametrize(
    "file",
    [
        "models/marts/messages.sql",
        "models/marts/mine/Messages.sql",
        "models/segments/messages.sql",
        "models/content/messages.sql",
        "models/staging/messages.py",
        "seeds/messages.csv",
    ],
)
def test_validate_names_each_file_with_a_name_of_the_products(project: Project, file: str) -> None:
    write(project, file, SEGMENT)
    code, printed = told(project, "validate")
    assert code == 1
    assert f"dbt_project/{file}: {OF_MODEL.format(Path(file).stem)}\n" in printed


def test_a_seed_in_the_place_of_the_products_is_no_mistake_of_its_name(project: Project) -> None:
    write(project, "seeds/machine_user_agents.csv", "pattern\n")
    assert names_taken(project.dbt) == []


def test_no_new_file_gets_a_name_of_the_products(project: Project) -> None:
    with pytest.raises(DripsError, match="'messages' can't be a segment's name: the product has a model of that name"):
        new_segment(project, "messages")
    with pytest.raises(DripsError, match="'sales' can't be a content model's name: the product has a model"):
        new_content(project, "sales")


def test_a_project_with_the_models_copied_is_told_where_to_read_on(project: Project) -> None:
    settings = project.dbt / "dbt_project.yml"
    settings.write_text(settings.read_text().replace("name: project", "name: drips"))
    # As many other files have a name of the product's there.
    write(project, "models/marts/messages.sql", SEGMENT)
    with pytest.raises(DripsError) as raised:
        link_package(project.dbt)
    assert str(raised.value) == f"{settings}: {COPIED}"
    code, printed = told(project, "validate")
    assert code == 1
    assert f"dbt_project/dbt_project.yml: {COPIED}\n" in printed
    assert "messages.sql" not in printed
    # Commands that run no model work all the same.
    assert told(project, "new", "segment", "late")[0] == 0


def test_an_installation_without_models_says_so(project: Project, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(dbt_package, "PACKAGE", tmp_path / "nothing")
    with pytest.raises(DripsError, match="nothing: this installation has no dbt models; install the wheel anew"):
        link_package(project.dbt)


def test_a_link_that_cant_be_made_is_told_with_the_reason(project: Project) -> None:
    (project.dbt / "dbt_packages" / "drips").unlink()
    (project.dbt / "dbt_packages").rmdir()
    (project.dbt / "dbt_packages").write_text("a file, where a folder has to be")
    with pytest.raises(DripsError) as raised:
        link_package(project.dbt)
    reason = "the models of the installed version can't be linked from here: File exists"
    assert str(raised.value) == f"{project.dbt}: {reason}"


def test_links_of_an_environment_that_is_gone_and_a_copy_are_replaced(project: Project, tmp_path: Path) -> None:
    (project.dbt / ".drips").unlink()
    (project.dbt / ".drips").symlink_to(tmp_path / "gone", target_is_directory=True)
    installed = project.dbt / "dbt_packages" / "drips"
    installed.unlink()
    installed.mkdir()
    (installed / "left.sql").touch()
    assert told(project, "validate")[0] == 0
    assert (project.dbt / ".drips").resolve() == installed.resolve() == DBT_PACKAGE


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for all that dbt finds out; each test takes away what it added."""
    return copy_project(tmp_path_factory.mktemp("taken") / "project")


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["marts", "staging"])
def test_dbt_is_not_asked_to_tell_two_models_apart(parsed: Project, folder: str) -> None:
    """In `marts` it can't read the project, as both were one table; elsewhere it would take either."""
    file = write(parsed, f"models/{folder}/messages.sql", "select 1 as x\n")
    with pytest.raises(DripsError) as raised:
        Transform(parsed).manifest()
    file.unlink()
    assert str(raised.value) == f"dbt_project/models/{folder}/messages.sql: {OF_MODEL.format('messages')}"


@pytest.mark.slow
def test_a_lookup_of_the_products_name_wants_that_one_disabled(parsed: Project) -> None:
    shipped = DBT_PACKAGE / "seeds" / "machine_user_agents.csv"
    file = write(parsed, "seeds/machine_user_agents.csv", shipped.read_text())
    with pytest.raises(DripsError) as raised:
        Transform(parsed).manifest()
    file.unlink()
    assert str(raised.value).startswith("dbt_project/seeds/machine_user_agents.csv: the product has a seed of ")
    assert "under `seeds: drips:`: `machine_user_agents: {+enabled: false}`" in str(raised.value)


@pytest.mark.slow
def test_a_segment_or_content_of_such_a_name_is_set_aside_and_the_others_go_on(parsed: Project) -> None:
    file = write(parsed, "models/segments/messages.sql", SEGMENT)
    content = write(parsed, "models/content/deliverability.sql", SEGMENT)
    transform = Transform(parsed)
    failures = parse_readable(parsed, transform).values()
    assert [str(failure) for failure in failures] == [
        f"dbt_project/models/segments/messages.sql: {OF_MODEL.format('messages')}"
    ]
    assert transform.unreadable_content == {"deliverability": OF_MODEL.format("deliverability")}
    segments = [node.name for node in transform.manifest().nodes.values() if node.fqn[1] == "segments"]
    assert "messages" not in segments
    assert "customers" in segments
    file.unlink()
    content.unlink()
