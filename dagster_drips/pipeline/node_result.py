"""What became of one dbt node. How nodes are run is `dbt_runner`'s and `compiled_runs`' matter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeResult:
    """What became of one dbt node; status is `success`, `error`, `skipped`, `pass`, `fail` or `warn`."""

    unique_id: str
    status: str
    message: str
    seconds: float
    failures: int | None

    @property
    def name(self) -> str:
        """The node's own name: `stg_leads`."""
        return self.unique_id.split(".")[2]

    @property
    def failed(self) -> bool:
        """Whether it went wrong (a warning did not)."""
        return self.status in ("error", "fail", "runtime error")
