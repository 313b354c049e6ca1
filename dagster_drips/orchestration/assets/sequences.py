"""The sequence files as tables that dbt reads."""

from collections.abc import Iterator

import dagster as dg

from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import SEQUENCES, Names
from dagster_drips.pipeline.checks import FILES_ARE_VALID, sequences_check

_TABLES = {
    "project_settings": "Values of sequences/project.yml that hold for the whole project.",
    "sender_identities": "One row per email identity of sequences/senders.yml.",
    "recipient_domains": "One row per recipient domain that sequences/senders.yml limits.",
    "sequences": "One row per sequence as it is live at this tick (S1, S2).",
    "sequence_steps": "One row per step of a live sequence.",
    "retired_steps": "One row per step that an earlier version had and this one has not (M1).",
    "step_variants": "One row per variant of a step (M8).",
    "step_conditions": "One row per condition of a step (M6).",
    "step_content": "One row per step and content model that its templates name (M9).",
    "sequence_segments": "One row per segment that a sequence includes or excludes (E5).",
    "sequence_predicates": "One row per property that a `where` asks for (E1, L2).",
    "sequence_gate_limits": "One row per gate of a sequence that is no data test (G1).",
    "sequence_exit_events": "One row per event that ends a sequence (L1).",
}


def build_sequence_files(names: Names) -> dg.AssetsDefinition:
    """The tables of the sequence files."""

    @dg.multi_asset(
        name=names.name("sequence_files"),
        specs=[names.raw_spec(table, SEQUENCES, text, [names.tick], {"yaml"}) for table, text in _TABLES.items()],
        check_specs=[
            dg.AssetCheckSpec(
                FILES_ARE_VALID,
                asset=names.key("raw", "sequences"),
                description="Every sequence file validates; a broken one leaves its sequence as it last was (S2).",
            )
        ],
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def sequence_files(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        """Read sequences/ and make it what dbt reads."""
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            catalog, errors = drips.pipeline.load_sequences(warehouse)
            counts = {table: warehouse.value(f"select count(*) from raw.{table}") for table in _TABLES}
        for problem in errors:
            context.log.error(str(problem))
        for table, count in counts.items():
            metadata = {"rows": count} | ({"invalid": len(catalog.invalid)} if table == "sequences" else {})
            yield dg.MaterializeResult(asset_key=names.key("raw", table), metadata=metadata)
        yield result_of(sequences_check(errors), names)

    return sequence_files
