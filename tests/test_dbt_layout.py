"""What a dbt project says of its own models in `dbt_project.yml`, and whose they are by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_drips.dbt_layout import DbtLayout, layout_of
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.data_tests import TESTED
from dagster_drips.pipeline.dbt_runner import CONTENT, DECIDE, MEASURE, SEEDS
from dagster_drips.project import Project
from dagster_drips.sequences.segment_files import keep_tagged_files, segment_names, segment_path


def layout(folder: Path, settings: str) -> DbtLayout:
    (folder / "dbt_project.yml").write_text(settings)
    return layout_of(folder)


@pytest.mark.parametrize(
    "settings", ["name: project\n", "vars: {attribution_days: 3}\n", "vars: {drips: {other: 1}}\n", "vars: [\n", ""]
)
def test_a_project_that_names_none_has_ours(tmp_path: Path, settings: str) -> None:
    found = layout(tmp_path, settings)
    assert found == DbtLayout()
    assert found.selection(DECIDE) == list(DECIDE)
    assert (found.segment_named("vips"), found.role_of("models/marts/x.sql", [], ["p", "marts", "x"])) == (
        "fqn:segments.vips",
        "marts",
    )


def test_a_project_that_names_a_folder_keeps_the_rest_to_itself(tmp_path: Path) -> None:
    found = layout(
        tmp_path, "model-paths: [transform/models]\nvars: {drips: {segments: transform/models/crm/segments/}}\n"
    )
    assert found.selection(DECIDE) == [
        *("fqn:drips.staging", "package:this,fqn:crm.segments", "fqn:drips.kept", "fqn:drips.decide")
    ]
    assert found.selection(CONTENT) == []
    assert found.selection(MEASURE) == ["fqn:drips.marts"]
    assert found.selection([SEEDS]) == ["package:drips,resource_type:seed"]
    assert found.selection(TESTED)[-1] == "package:drips,source:*"
    assert found.segment_named("vips") == "fqn:crm.segments.vips"
    assert found.role_of("transform/models/crm/segments/vips.sql", [], ["p", "crm", "segments", "vips"]) == "segments"
    assert found.role_of("transform/models/segments/x.sql", [], ["p", "segments", "x"]) == "others"


def test_a_project_that_names_a_tag_has_segments_anywhere(tmp_path: Path) -> None:
    found = layout(
        tmp_path, "vars:\n  drips:\n    segments: tag:segment\n    content: models/mails\n    intake: models/in\n"
    )
    assert "package:this,tag:segment" in found.selection(DECIDE)
    assert found.selection(CONTENT) == ["package:this,fqn:mails"]
    assert found.segment_named("vips") == "fqn:vips"
    assert found.role_of("models/any/vips.sql", ["daily", "segment"], ["p", "any", "vips"]) == "segments"
    assert found.role_of("models/mails/orders.sql", [], ["p", "mails", "orders"]) == "content"
    assert found.role_of("models/in/leads.sql", [], ["p", "in", "leads"]) == "intake"
    # What intake models stand on is made by whoever makes the rest.
    assert (found.intake_named("leads"), DbtLayout().intake_named("leads")) == ("fqn:in.leads", "+fqn:intake.leads")


@pytest.mark.parametrize(
    ("value", "line"),
    [("/srv/models", 3), ("../models", 3), ("'tag:'", 3), ("tag:a b", 3), ("path:models", 3), ("7", 3)],
)
def test_what_can_be_neither_folder_nor_tag_is_told_with_its_line(tmp_path: Path, value: str, line: int) -> None:
    with pytest.raises(DripsError, match=r"a folder below the dbt project \(models/segments\) or a tag") as error:
        layout(tmp_path, f"vars:\n  drips:\n    segments: {value}\n")
    assert (error.value.file, error.value.line) == (str(tmp_path / "dbt_project.yml"), line)


def test_a_folder_that_holds_no_models_and_a_tag_of_content_are_told(tmp_path: Path) -> None:
    with pytest.raises(DripsError, match=r"segments lies in no folder of models \(models\)"):
        layout(tmp_path, "vars: {drips: {segments: segments}}\n")
    for key in ("content", "intake"):
        with pytest.raises(DripsError, match=rf"vars: drips: {key}: give a folder"):
            layout(tmp_path, f"vars: {{drips: {{{key}: tag:mail}}}}\n")


def test_segments_with_a_tag_are_those_that_dbt_has_found(tmp_path: Path) -> None:
    for name in ("sequences", "dbt_project/models/crm"):
        (tmp_path / name).mkdir(parents=True)
    project = Project.at(tmp_path)
    (project.dbt / "dbt_project.yml").write_text("vars: {drips: {segments: tag:segment}}\n")
    (project.dbt / "models" / "crm" / "vips.sql").write_text("select 1 as lead_id")
    assert segment_names(project) == []
    assert keep_tagged_files(project, ["models/crm/vips.sql", "models/crm/gone.sql"])
    assert not keep_tagged_files(project, ["models/crm/gone.sql", "models/crm/vips.sql"])
    assert segment_names(project) == ["vips"]
    assert (segment_path(project, "vips"), segment_path(project, "new")) == (
        "models/crm/vips.sql",
        "models/segments/new.sql",
    )
