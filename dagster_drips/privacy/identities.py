"""Which anonymous ids are a lead's, as the model `stg_identities` says it of the landed files as they lie there.

The rule stands in SQL alone; here the files are loaded into a throw-away warehouse and the model is run on it. The
project's own warehouse is not asked: it may be gone, half-made, or older than the files.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_package import copied_without
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.segments import parse_readable
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_clock import set_clock
from dagster_drips.project import Project
from dagster_drips.settings import load_settings
from dagster_drips.temporaries import REPLAY_PREFIX, owned
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("identities.sql"))
_MODELS = "+stg_identities"
"""That model and what it reads."""


def leads_of_anonymous_ids(project: Project) -> dict[str, str]:
    """Anonymous id → the lead that it counts for, now.

    Raises:
        DripsError: the dbt project can't be run.
    """
    with tempfile.TemporaryDirectory(prefix=REPLAY_PREFIX) as scratch, owned(Path(scratch)):
        file = Path(scratch) / "warehouse.duckdb"
        # A copy of the dbt project, as running it writes into it, and an export must change nothing.
        models = Project(Path(scratch))
        shutil.copytree(project.dbt, models.dbt, ignore=copied_without("target", "logs"))
        transform = Transform(models, warehouse=file, target=load_settings(project).target)
        pipeline = Pipeline(project, transform, journal=None)
        with open_warehouse(file) as warehouse:
            set_clock(warehouse, utc_now())
            pipeline.load_sequences(warehouse)
            pipeline.load_landing(warehouse, ("leads", "events"))
            parse_readable(models, transform)
            failed = [node for node in transform.run("run", [_MODELS]) if node.failed]
            if failed:
                raise DripsError(f"dbt model {failed[0].name} failed: {failed[0].message}")
            return {row["anonymous_id"]: row["lead_id"] for row in warehouse.rows(_STATEMENTS["identities"])}
