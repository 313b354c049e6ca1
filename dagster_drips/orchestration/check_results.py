"""The pipeline's checks as Dagster's results. What is checked, and what is said of it, is `pipeline.checks`' matter."""

import dagster as dg

from dagster_drips.orchestration.names import OURS, PROBLEMS, Names
from dagster_drips.pipeline.checks import Check


def result_of(check: Check, names: Names = OURS, asset: dg.AssetKey | None = None) -> dg.AssetCheckResult:
    """The check as what an asset or an asset check returns.

    Args:
        check: what was found.
        names: of the assets.
        asset: that it is about, where that is no table of ours.
    """
    listed = {} if check.problems is None else {PROBLEMS: dg.MetadataValue.json(list(check.problems))}
    return dg.AssetCheckResult(
        asset_key=asset or names.key(*check.table.split("/")),
        check_name=check.name,
        passed=check.passed,
        severity=dg.AssetCheckSeverity.WARN if check.is_warning else dg.AssetCheckSeverity.ERROR,
        description=check.description or None,
        metadata={**check.metadata, **listed},
    )
