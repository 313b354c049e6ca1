"""One project and its code location for all tests of this folder: parsing the dbt project takes seconds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dagster as dg
import pytest
from conftest import copy_project

from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

SEQUENCE = """
name: {name}
status: active
active_from: 2026-01-01
sender: {{name: Ada, email: ada@acme.example}}
trigger: {{event: {name}}}
segments: {{include: [{segments}]}}
steps:
  - {{id: hello, subject: Hello, template: mail.html}}
"""
SEGMENTS = {
    "everybody": "select lead_id from {{ ref('stg_leads') }}\n",
    "unreadable": "select lead_id from {{ ref('stg_leads') }} where cast(company as integer) > 1\n",
}


@dataclass
class CodeLocation:
    """A project, its definitions, and an instance to run them on."""

    project: Project
    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def specs(self) -> dict[str, dg.AssetSpec]:
        """Every asset by its name: `marts/messages`."""
        return {"/".join(spec.key.path): spec for spec in self.definitions.resolve_all_asset_specs()}

    def run(self, job: str, as_of: str | None = None) -> dg.ExecuteInProcessResult:
        """A job in this process, as its schedule or sensor would start it."""
        config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        if as_of is not None:
            config["ops"] = {"clock": {"config": {"as_of": as_of}}}
        return self.definitions.resolve_job_def(job).execute_in_process(
            run_config=config, instance=self.instance, raise_on_error=False
        )


def write_sequence(project: Project, name: str, segments: str = "everybody") -> Path:
    folder = project.sequences / name
    folder.mkdir(exist_ok=True)
    (folder / "mail.html").write_text("<html><body><p>Hello</p></body></html>")
    file = folder / "sequence.yml"
    file.write_text(SEQUENCE.format(name=name, segments=segments))
    return file


@cache
def code_location_in(folder: Path) -> CodeLocation:
    """The one code location below a test run's own folder; `signup` and `unready` are its sequences."""
    for name in ("sequences", "segments"):
        (folder / "assets" / name).mkdir(parents=True)
    for name, sql in SEGMENTS.items():
        (folder / "assets" / "segments" / f"{name}.sql").write_text(sql)
    project = copy_project(
        folder / "assets" / "project",
        sequences=folder / "assets" / "sequences",
        segments=folder / "assets" / "segments",
    )
    write_sequence(project, "signup")
    write_sequence(project, "unready", segments="unreadable")
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRIPS_PROJECT", str(project.root))  # the module builds a code location when it is imported
        from dagster_drips.orchestration.build import build_code_location
    return CodeLocation(project, build_code_location(project), dg.DagsterInstance.ephemeral())
