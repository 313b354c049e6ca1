"""A project as a component of Dagster: `type: dagster_drips.DripsComponent` in a `defs.yaml`.

What belongs here is what the file may say; what is made of it is `orchestration.build`'s. Dagster reads the annotations
themselves, so they are no text here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from dagster.components.component.component_scaffolder import Scaffolder
from dagster.components.component_scaffolding import scaffold_component
from dagster.components.scaffold.scaffold import ScaffoldRequest
from dagster_dbt import DagsterDbtTranslator
from pydantic import BaseModel, Field

from dagster_drips.orchestration.build import build_defs


class ScaffoldParams(BaseModel):
    """What `dg scaffold defs dagster_drips.DripsComponent` asks for."""

    project: str = Field(default=".", description="The project folder, from the root of the Dagster project.")


class DripsScaffolder(Scaffolder[ScaffoldParams]):
    """Writes a `defs.yaml` that names a project folder."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        """The parameters of the command."""
        return ScaffoldParams

    def scaffold(self, request: ScaffoldRequest[ScaffoldParams]) -> None:
        """Write the file."""
        place = Path(request.params.project).as_posix()
        scaffold_component(request, {"project": f"{{{{ context.project_root }}}}/{place}"})


def _resolve_project(context: dg.ResolutionContext, value: str) -> Path:
    return context.resolve_source_relative_path(context.resolve_value(value, as_type=str))


@dg.scaffold_with(DripsScaffolder)
@dataclass
class DripsComponent(dg.Component, dg.Resolvable):
    """Drip and lifecycle email of one project folder: its assets, checks, jobs, schedules and sensors.

    type: dagster_drips.DripsComponent
    attributes:
      project: "{{ context.project_root }}/lifecycle"
      key_prefix: lifecycle
    """

    project: Annotated[
        Path,
        dg.Resolver(
            _resolve_project,
            model_field_type=str,
            description="The project folder, with sequences/, dbt_project/ and data/; from this file where relative.",
        ),
    ]
    key_prefix: Annotated[
        str | list[str], dg.Resolver.default(description="In front of every asset's key.", examples=["lifecycle"])
    ] = field(default_factory=list)
    groups: Annotated[
        Mapping[str, str],
        dg.Resolver.default(description="Other names of groups, by ours.", examples=[{"decide": "lifecycle_decide"}]),
    ] = field(default_factory=dict)
    name_prefix: Annotated[
        str,
        dg.Resolver.default(description="In front of the name of every job, schedule, sensor and op."),
    ] = ""
    resource_key: Annotated[str, dg.Resolver.default(description="Of the project's resource.")] = "drips"
    pool: Annotated[str, dg.Resolver.default(description="Of all steps that open the warehouse.")] = "warehouse"
    running: Annotated[
        bool, dg.Resolver.default(description="Whether schedules and sensors are on until somebody turns them off.")
    ] = True

    @property
    def send_executor(self) -> dg.ExecutorDefinition | None:
        """Executes `send_in_shards` instead of `send`, for a subclass."""
        return None

    @property
    def dbt_translator(self) -> DagsterDbtTranslator | None:
        """Names the models that others make of the dbt project, for a subclass: as their own `@dbt_assets` do."""
        return None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of the project."""
        options: dict[str, Any] = {
            "key_prefix": self.key_prefix,
            "groups": self.groups,
            "name_prefix": self.name_prefix,
            "resource_key": self.resource_key,
            "pool": self.pool,
            "running": self.running,
            "send_executor": self.send_executor,
        }
        return build_defs(self.project, dbt_translator=self.dbt_translator, **options)
