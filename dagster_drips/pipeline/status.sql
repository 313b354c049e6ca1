-- What `drips status` asks of a warehouse, and what is published of it for the time that a tick holds it.

-- name: ticks
select
    as_of,
    array_agg(phase order by recorded_at) as phases,
    min(recorded_at) as decided_at,
    max(recorded_at) as recorded_at
from journal.ticks
where as_of = (select max(as_of) from journal.ticks)
group by as_of

-- name: clock
select as_of, started_at from raw.tick

-- name: sequences
select
    sequence_id,
    name,
    status,
    file_state,
    version_id,
    active_from as opens_at,
    cast(null as varchar) as segment_without_result
from raw.sequences
order by sequence_id

-- name: decided_sequences
select
    sequence_id,
    name,
    status,
    file_state,
    version_id,
    opens_at,
    segment_without_result
from decide.live_sequences
order by sequence_id

-- name: segment_failures
select file, reason from raw.segment_failures
order by file

-- name: intake_problems
select file, reason from raw.intake_problems
order by file, reason

-- name: absent_leads
-- Who is in the intake model of leads no more, and is to be erased.
select count(*) as leads
from raw.intake_rows as known
where
    known.kind = 'leads'
    and known.digest is null
    and exists (select 1 from raw.intake_models where kind = 'leads' and absent = 'forget')
having count(*) > 0

-- name: refreshed_segments
-- Segments that keep their result for a while (E10), as the last tick left them.
select
    refreshes.segment,
    refreshes.refresh_seconds,
    results.members,
    results.refreshed_at,
    results.refreshed_at + refreshes.refresh_seconds * interval '1 second' as next_refresh_at
from decide.segment_refreshes as refreshes
left join journal.segment_results as results
    on
        refreshes.segment = results.segment
        and results.as_of = (select max(as_of) from journal.ticks where phase = 'decided')
order by refreshes.segment

-- name: gates
select sequence_id, gate, level, reason, is_holding, waived_until, waived_by, waived_because
from decide.sequence_gates
order by sequence_id, gate

-- name: enrolled
select
    sequence_id,
    count(*) as enrolled,
    count(*) filter (where status = 'active') as active,
    count(*) filter (where status = 'completed') as completed,
    count(*) filter (where status = 'exited') as exited
from after_sending.enrollments_after_sending
group by sequence_id
order by sequence_id

-- name: due_next
select
    sequence_id,
    count(*) filter (where next_scheduled_at <= tick.as_of) as waiting,
    count(*) filter (where next_scheduled_at > tick.as_of and next_scheduled_at <= tick.as_of + interval '24 hours')
        as within_a_day,
    count(*) filter (where next_scheduled_at > tick.as_of) as later,
    min(next_scheduled_at) filter (where next_scheduled_at > tick.as_of) as next_at
from marts.enrollments
cross join (select max(as_of) as as_of from journal.ticks) as tick
where next_scheduled_at is not null
group by sequence_id
order by count(*) filter (where next_scheduled_at <= tick.as_of) = 0, next_at, sequence_id

-- name: rejected
-- Lately: landed in the week before the newest load, and whatever is wrong with a whole file (those have no load).
select
    rejected.kind,
    rejected.file,
    count(*) as rows,
    min(rejected.line) as line,
    arg_min(rejected.reason, rejected.line) as reason
from raw.rejected_rows as rejected
left join raw.loaded_files as files
    on rejected._load = files.load_id
where
    files.load_id is null
    or files.loaded_at >= (select max(loaded_at) from raw.loaded_files) - interval '7 days'
group by rejected.kind, rejected.file
order by max(rejected._load) desc, rejected.kind, rejected.file

-- name: rejected for postgres
select
    rejected.kind,
    rejected.file,
    count(*) as rows,
    min(rejected.line) as line,
    (array_agg(rejected.reason order by rejected.line))[1] as reason
from raw.rejected_rows as rejected
left join raw.loaded_files as files
    on rejected._load = files.load_id
where
    files.load_id is null
    or files.loaded_at >= (select max(loaded_at) from raw.loaded_files) - interval '7 days'
group by rejected.kind, rejected.file
order by max(rejected._load) desc, rejected.kind, rejected.file

-- name: held
select
    reason,
    count(*) as messages
from raw.held_messages
group by reason
order by reason

-- name: stops
select subject, reason, left_due from raw.sending_stops
order by subject

-- name: in_doubt
select
    message_id,
    sequence_id,
    step_id,
    recipient,
    sent_as_of,
    detail
from after_sending.kept_message_states_after_sending
where status = 'in_doubt'
order by sent_as_of, message_id
