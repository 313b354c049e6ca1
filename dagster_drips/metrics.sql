-- What a published set (`drips.duckdb`) says of the pipeline, for Prometheus. No label names a person.

-- name: as_of
select max(as_of) from marts.pipeline_latency

-- name: attempts
select
    sequence_id,
    outcome,
    count(*) as attempts
from marts.message_attempts
group by sequence_id, outcome
order by sequence_id, outcome

-- name: rows
select
    sum(rows_loaded) as loaded,
    sum(rows_rejected) as rejected,
    sum(rows_duplicated) as duplicated
from marts.pipeline_latency

-- name: latency
select
    stage,
    up_to_seconds,
    spans,
    seconds
from marts.latency_histogram
order by stage, bucket
