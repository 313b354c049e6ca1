"""Which tick a run was started for: it travels in the run's tags, and the run finishes no other.

Here belong the tags and the comparison; starting runs is `automation`'s. A run without the tags, such as one from the
UI, goes on with the tick that is there.
"""

from collections.abc import Mapping

import dagster as dg

from dagster_drips.clock import format_instant
from dagster_drips.pipeline.tick import Pipeline, TickStart
from dagster_drips.warehouse import Warehouse

AS_OF, BEGUN_AT = "drips/as_of", "drips/begun_at"
"""The tick's instant, and the wall clock when it began: a repeated tick has the same instant."""
_METADATA = {AS_OF: "as_of", BEGUN_AT: "begun_at"}


def metadata_of(tick: TickStart) -> dict[str, str]:
    """How a materialization tells of the tick that made it."""
    return {"as_of": format_instant(tick.as_of), "begun_at": tick.begun_at.isoformat()}


def tags_of(materialization: dg.AssetMaterialization) -> dict[str, str]:
    """The tags of a run that is to finish the tick of that materialization."""
    metadata = materialization.metadata
    return {tag: str(metadata[name].value) for tag, name in _METADATA.items() if name in metadata}


def is_overtaken(tags: Mapping[str, str], pipeline: Pipeline, warehouse: Warehouse) -> bool:
    """Whether another tick has begun since the one for which a run with these tags was started."""
    current = metadata_of(pipeline.current_tick(warehouse))
    return any(tags[tag] != current[name] for tag, name in _METADATA.items() if tag in tags)
