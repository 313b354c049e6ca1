-- What was handed to a mail server, or may have been, and the delivery log does not know: claims that the journal lost.

-- name: due
-- Of a run whose file was cut or is gone: whatever was due at its tick may have been sent.
select
    message_id, attempt, as_of, enrollment_id, sequence_id, version_id, step_id, variant_id, lead_id,
    sender_email as sender, recipient, scheduled_at, transactional, as_of as recorded_at
from decide.due_steps as due
where not exists (
    select 1 from raw.delivery_log as log where log.message_id = due.message_id and log.attempt >= due.attempt
)
order by send_rank

-- name: is_behind
-- Whether what is due was decided for an earlier tick than the last one: a warehouse from a backup.
select coalesce((select max(as_of) from journal.ticks) > (select max(as_of) from raw.tick), false)

-- name: handed_over
-- What finished ticks knew of, from their commits in the tick journal.
select *
from (
    select distinct on (known.message_id, known.attempt) known.*
    from read_parquet(?, union_by_name = true) as known
    where not exists (
        select 1
        from raw.delivery_log as log
        where log.message_id = known.message_id and log.attempt >= known.attempt and log.outcome <> 'deferred'
    )
    order by known.message_id, known.attempt, known.as_of
) as known
order by as_of, message_id, attempt

-- name: open_earlier
create or replace temp table earlier_deliveries as
select
    message_id, attempt, as_of, enrollment_id, sequence_id, version_id, step_id, variant_id, lead_id, sender, recipient,
    scheduled_at, transactional, recorded_at
from raw.delivery_log
limit 0

-- name: known_before
-- The placeholder is the earlier warehouse's delivery log.
select distinct on (message_id, attempt)
    message_id, attempt, as_of, enrollment_id, sequence_id, version_id, step_id, variant_id, lead_id, sender, recipient,
    scheduled_at, transactional, recorded_at
from ${log}
where outcome <> 'deferred' and substr(message_id, 1, 1) = ?

-- name: earlier
select known.*
from earlier_deliveries as known
where not exists (
    select 1
    from raw.delivery_log as log
    where log.message_id = known.message_id and log.attempt >= known.attempt and log.outcome <> 'deferred'
)
order by known.as_of, known.message_id, known.attempt

-- name: shorter
-- Files of the delivery journal that were longer when they were ingested, by the sizes that they have now.
select ingested.file, ingested.bytes, now.bytes as bytes_now
from journal.folded_deliveries as ingested
left join (select unnest(?::varchar[]) as file, unnest(?::bigint[]) as bytes) as now on ingested.file = now.file
where ingested.bytes > coalesce(now.bytes, -1)
order by ingested.file
