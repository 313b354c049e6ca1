-- The page Pipeline: how long things take from one station to the next, what was rejected, how fresh data is.

-- name: latency
select
    as_of,
    unnest([
        'occurred → received', 'received → loaded', 'loaded → due', 'due → sent',
        'occurred → received', 'received → loaded', 'loaded → due', 'due → sent'
    ]) as station,
    unnest(['median', 'median', 'median', 'median', '95th percentile', '95th percentile', '95th percentile', '95th percentile']) as measure,
    unnest([
        occurred_to_received_p50, received_to_loaded_p50, loaded_to_due_p50, due_to_sent_p50,
        occurred_to_received_p95, received_to_loaded_p95, loaded_to_due_p95, due_to_sent_p95
    ]) as seconds
from (
    select * from marts.pipeline_latency
    order by as_of desc
    limit 200
)
order by as_of

-- name: rows
select
    as_of,
    unnest(['loaded', 'rejected', 'duplicated']) as kind,
    unnest([rows_loaded, rows_rejected, rows_duplicated]) as rows
from (
    select * from marts.pipeline_latency
    order by as_of desc
    limit 200
)
order by as_of, kind

-- name: freshness
-- The newest of each kind that is visible, against the tick.
select
    kind,
    newest_at,
    epoch(tick.as_of - newest_at) as seconds
from (
    select 'leads' as kind, max(greatest(created_at, coalesce(updated_at, created_at))) as newest_at from marts.lead_profiles
    union all
    select 'events', max(occurred_at) from marts.events
    union all
    select 'engagement', max(occurred_at) from marts.engagement
    union all
    select 'messages', max(sent_as_of) from marts.messages
) as kinds
cross join raw.tick as tick
