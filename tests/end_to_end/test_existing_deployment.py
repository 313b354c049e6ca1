"""docs/existing-deployment.md does what it says: a Dagster location and a dbt project of strangers send mail.

One project and one run for all: own assets, an own dbt project, and a tick beside them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml
from conftest import REPOSITORY
from dagster.components.core.package_entry import get_package_objects_in_module
from dagster.components.scaffold.scaffold import ScaffoldRequest

import dagster_drips
from dagster_drips import build_defs
from dagster_drips.component import DripsScaffolder, ScaffoldParams
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.segments import current_manifest_json
from dagster_drips.project import Project
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.smtp.sink import MailSink

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs" / "existing-deployment.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"^(?:#|--|<!--) (\S+/\S+\.\w+)(?: -->)?$")
# What the strangers have had before.
THEIRS = {
    "pyproject.toml": '[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\nroot_module = "acme_assets"\n',
    "acme_assets/__init__.py": "",
    "acme_assets/defs/__init__.py": "",
    "analytics/models/core/customers.sql": "select lead_id, length(lead_id) * 1000 as revenue\n"
    "from {{ source('crm', 'leads') }}\nwhere lead_id = 'c1'\n",
    "analytics/models/core/sources.yml": "sources:\n  - name: crm\n    tables:\n      - name: leads\n"
    "        config:\n          meta:\n            dagster: {asset_key: [raw, leads]}\n"
    "            external_location: \"read_csv('../lifecycle/data/landing/leads/*.csv')\"\n",
}
OURS = dg.AssetKey(["lifecycle", "decide", "due_steps"])


@dataclass
class Deployment:
    """The repository of the strangers, its code location, and what their runs came to."""

    root: Path
    definitions: dg.Definitions
    before: dict[str, int]
    """Files outside of `lifecycle/data/` before the tick, and when each was written."""
    tick: dg.ExecuteInProcessResult


def _write_blocks(root: Path) -> list[str]:
    """The page's files; returns its commands."""
    commands = []
    for language, text in BLOCK.findall(PAGE):
        if file := FILE.match(text.partition("\n")[0]):
            path = root / file[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif language == "sh":
            commands.append(text)
    return commands


def _run(root: Path, *words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRIPS_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(["sh", "-ec", *words], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"


def _files(root: Path) -> dict[str, int]:
    paths = (path for path in root.rglob("*") if not path.is_relative_to(root / "lifecycle" / "data"))
    return {str(path): path.lstat().st_mtime_ns for path in paths if not path.is_dir()}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    root = tmp_path_factory.mktemp("strangers")
    for name, text in THEIRS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    commands = _write_blocks(root)
    for command in commands:
        _run(root, command)
    _run(root, "cd analytics && dbt --quiet parse --profiles-dir .")
    with pytest.MonkeyPatch.context() as patch, MailSink(root / "lifecycle" / "data" / "outbox") as sink:
        patch.syspath_prepend(str(root))
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.chdir(root / "analytics")
        (root / "lifecycle" / ".env").write_text(f"DRIPS_SMTP_URL={sink.url}\n")
        definitions = dg.load_from_defs_folder(path_within_project=root)
        with dg.DagsterInstance.ephemeral() as instance:
            assert definitions.resolve_job_def("tick").execute_in_process(instance=instance).success
            before = _files(root)
            config = {"ops": {"lifecycle_clock": {"config": {"as_of": "2026-03-02T08:00:00Z"}}}}
            tick = definitions.resolve_job_def("lifecycle_tick").execute_in_process(
                run_config=config, instance=instance, raise_on_error=False
            )
            yield Deployment(root, definitions, before, tick)


def test_a_mail_is_sent_to_whom_a_segment_over_their_model_has(deployment: Deployment) -> None:
    assert deployment.tick.success
    outbox = deployment.root / "lifecycle" / "data" / "outbox"
    [mail] = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in outbox.glob("*.eml")]
    assert (mail["To"], mail["Subject"]) == ("grace@customers.example", "Hello Grace")
    with duckdb.connect(str(deployment.root / "lifecycle" / "data" / "published" / "drips.duckdb")) as published:
        assert published.sql("select lead_id, status from marts.messages").fetchall() == [("c1", "sent")]


def test_nothing_is_written_outside_of_the_data_folder(deployment: Deployment) -> None:
    assert _files(deployment.root) == deployment.before


def test_everything_is_one_lineage_in_which_nothing_collides(deployment: Deployment) -> None:
    dg.Definitions.validate_loadable(deployment.definitions)
    graph = deployment.definitions.resolve_asset_graph()
    segment = dg.AssetKey(["lifecycle", "lifecycle", "big_spenders"])
    assert graph.get(segment).parent_keys >= {
        dg.AssetKey(["customers"]),
        dg.AssetKey(["lifecycle", "staging", "stg_leads"]),
    }
    assert graph.get(dg.AssetKey(["customers"])).parent_keys == {dg.AssetKey(["raw", "leads"])}
    assert graph.get(segment).group_name == "segments"
    assert graph.get(OURS).group_name == "lifecycle_decide"
    theirs = {dg.AssetKey(["customers"]), dg.AssetKey(["raw", "leads"])}
    assert {key for key in graph.get_all_asset_keys() if key.path[0] != "lifecycle"} == theirs


def test_jobs_make_their_own_assets_and_run_as_their_owners_say(deployment: Deployment) -> None:
    jobs = {job.name: job for job in deployment.definitions.resolve_all_job_defs()}
    assert {key.path[0] for key in jobs["lifecycle_tick"].asset_layer.executable_asset_keys} == {"lifecycle"}
    assert jobs["lifecycle_tick"].executor_def.name == "in_process"
    assert jobs["tick"].executor_def.name == "multiprocess"
    assert {job for job in jobs if "tick" in job} == {"tick", "lifecycle_tick", "lifecycle_tick_without_sending"}


def test_a_merge_in_python_is_the_same(deployment: Deployment) -> None:
    from acme_assets.merged import defs

    assert isinstance(defs, dg.Definitions)
    keys = deployment.definitions.resolve_asset_graph().get_all_asset_keys()
    assert defs.resolve_asset_graph().get_all_asset_keys() == keys


def test_two_projects_in_one_location_need_another_prefix_only(deployment: Deployment) -> None:
    other = build_defs(
        deployment.root / "lifecycle", key_prefix=["b", "c"], name_prefix="b_", resource_key="b", running=False
    )
    merged = dg.Definitions.merge(deployment.definitions, other)
    dg.Definitions.validate_loadable(merged)
    assert merged.resolve_schedule_def("b_every_few_minutes").default_status == dg.DefaultScheduleStatus.STOPPED
    assert merged.resolve_sensor_def("b_due_steps").default_status == dg.DefaultSensorStatus.STOPPED
    assert merged.resolve_schedule_def("lifecycle_inbox").default_status == dg.DefaultScheduleStatus.RUNNING


def test_a_group_that_there_is_not_is_one_line(deployment: Deployment) -> None:
    with pytest.raises(DripsError, match=r"^groups: there is no group 'decisions'; there are landing, sequences, "):
        build_defs(deployment.root / "lifecycle", groups={"decisions": "x"})


def test_dg_scaffolds_a_component_of_the_project(deployment: Deployment, tmp_path: Path) -> None:
    assert "DripsComponent" in dict(get_package_objects_in_module(dagster_drips))
    request = ScaffoldRequest(
        type_name="dagster_drips.DripsComponent",
        target_path=tmp_path,
        scaffold_format="yaml",
        project_root=deployment.root,
        params=ScaffoldParams(project="lifecycle"),
    )
    DripsScaffolder().scaffold(request)
    assert yaml.safe_load((tmp_path / "defs.yaml").read_text()) == {
        "type": "dagster_drips.DripsComponent",
        "attributes": {"project": "{{ context.project_root }}/lifecycle"},
    }


# These come last: they change the project.


def test_segments_may_be_the_models_with_a_tag(deployment: Deployment) -> None:
    theirs = deployment.root / "analytics"
    settings = (theirs / "dbt_project.yml").read_text()
    (theirs / "dbt_project.yml").write_text(settings.replace("segments: models/lifecycle", "segments: tag:segment"))
    model = theirs / "models" / "core" / "customers.sql"
    model.write_text("{{ config(tags=['segment']) }}\n" + model.read_text())
    project = Project.at(deployment.root / "lifecycle")
    transform = Transform(project)
    current_manifest_json(project, transform)
    assert segment_names(project) == ["customers"]
    members = transform.manifest().nodes["model.drips.selected_members"]
    assert "model.analytics.customers" in members.depends_on.nodes
    assert "model.analytics.big_spenders" not in members.depends_on.nodes


def test_a_source_that_would_take_the_place_of_ours_is_told(deployment: Deployment) -> None:
    file = deployment.root / "analytics" / "models" / "core" / "taken.yml"
    file.write_text("sources:\n  - name: raw\n    tables: [{name: leads}]\n")
    with pytest.raises(DripsError, match=r"^dbt_project/models/core/taken\.yml: the product has a source .* 'raw\.lea"):
        Transform(Project.at(deployment.root / "lifecycle")).manifest()
    file.unlink()


def test_a_profile_that_always_names_one_file_is_told(deployment: Deployment) -> None:
    profiles = deployment.root / "analytics" / "profiles.yml"
    profiles.write_text(re.sub(r"path: .*", "path: ../lifecycle/data/warehouse.duckdb", profiles.read_text()))
    with pytest.raises(DripsError, match=r"^dbt_project/profiles\.yml: the target duckdb must be a DuckDB file that "):
        Transform(Project.at(deployment.root / "lifecycle")).manifest()
