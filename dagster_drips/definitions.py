"""The code location, for the project that DRIPS_PROJECT names; `build_defs` makes that of any other."""

import os

from dagster_drips.orchestration.build import build_code_location
from dagster_drips.project import Project

defs = build_code_location(Project.at(os.environ.get("DRIPS_PROJECT") or "."))
