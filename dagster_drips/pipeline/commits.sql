-- What a tick decided, as it goes into the journal. One statement a table of schema `journal`, named for the phase that
-- commits it. Each leaves out what the journal has: a commit that is repeated, with or without its models, adds nothing twice.

-- name: decided_enrollment_decisions
select sequence_id, lead_id, occurrence_id, occurred_at, decided_at, decision, enrollment_id, arm
from decide.new_enrollment_decisions as new
where not exists (
    select 1 from journal.enrollment_decisions as known
    where
        known.sequence_id = new.sequence_id
        and known.lead_id = new.lead_id
        and known.occurrence_id = new.occurrence_id
)

-- name: decided_enrollment_closings
select enrollment_id, closed_at, status, exit_reason
from decide.new_enrollment_closings as new
where not exists (select 1 from journal.enrollment_closings as known where known.enrollment_id = new.enrollment_id)

-- name: decided_skipped_steps
select enrollment_id, step_id, resolved_at, resolution, reason, detail
from decide.new_skipped_steps as new
where not exists (
    select 1 from journal.skipped_steps as known
    where known.enrollment_id = new.enrollment_id and known.step_id = new.step_id
)

-- name: decided_message_content
-- What messages show is kept before they go out (M9). Sorted: who looks one up reads little of the file.
select
    due.message_id, due.enrollment_id, due.step_id, due.lead_id, due.as_of,
    commit_of.recorded_at,
    shown.content, shown.content_types
from raw.due_content as shown
cross join commit_of
inner join decide.due_steps as due
    on shown.message_id = due.message_id
left join journal.message_content as known
    on shown.message_id = known.message_id and due.as_of = known.as_of
where shown.is_new and known.message_id is null
order by due.message_id

-- name: decided_segment_changes
select segment, lead_id, as_of, change, is_entry
from decide.new_segment_changes as new
where not exists (
    select 1 from journal.segment_changes as known
    where
        known.segment = new.segment
        and known.lead_id = new.lead_id
        and known.as_of = new.as_of
        and known.change = new.change
)

-- name: decided_segment_results
select new.segment, new.as_of, new.members, new.refreshed_at
from decide.new_segment_results as new
left join journal.segment_results as known
    on new.segment = known.segment and new.as_of = known.as_of
where known.segment is null

-- name: decided_failed_tests
select tick.as_of, new.test, new.segment, new.reason
from raw.failed_tests as new
cross join raw.tick as tick
where not exists (select 1 from journal.ticks where ticks.as_of = tick.as_of and ticks.phase = 'decided')

-- name: decided_sequence_gates
select tick.as_of, new.sequence_id, new.gate, new.kind, new.level, new.reason, new.is_holding
from decide.sequence_gates as new
cross join raw.tick as tick
where not exists (
    select 1 from journal.sequence_gates as known
    where known.as_of = tick.as_of and known.sequence_id = new.sequence_id and known.gate = new.gate
)

-- name: decided_waiting_steps
select as_of, sequence_id, step_id, state, reason, steps
from raw.left_waiting
where as_of not in (select as_of from journal.waiting_steps)

-- name: forget_left_waiting
delete from raw.left_waiting

-- name: finished_enrollment_closings
select enrollment_id, closed_at, status, exit_reason
from raw.completions as new
where not exists (select 1 from journal.enrollment_closings as known where known.enrollment_id = new.enrollment_id)

-- name: finished_handed_over
-- What this tick, or one before it that did not finish, handed to mail servers. A deferral may go again as it is.
select
    log.message_id, log.attempt, log.as_of, log.enrollment_id, log.sequence_id, log.version_id, log.step_id,
    log.variant_id, log.lead_id, log.sender, log.recipient, log.scheduled_at, log.transactional, log.recorded_at
from raw.delivery_log as log
inner join raw.tick as tick
    on log.as_of <= tick.as_of and log.as_of > coalesce(tick.previous_as_of, timestamp '0001-01-01')
where log.outcome <> 'deferred'

-- name: last_ticks
select
    max(as_of) filter (where phase = 'decided') as decided,
    max(as_of) filter (where phase = 'finished') as finished
from journal.ticks

-- name: ticks_before
-- How many ticks have finished before the one that has begun.
select count(*)
from journal.ticks
where phase = 'finished' and as_of < (select as_of from raw.tick)

-- name: has_lived
select exists (select 1 from raw.loaded_files) or exists (select 1 from journal.sequence_versions)

-- name: pretend_to_send
insert into raw.delivery_log by name
select
    message_id,
    attempt,
    'sent' as outcome,
    as_of as recorded_at,
    as_of,
    enrollment_id,
    sequence_id,
    version_id,
    step_id,
    variant_id,
    lead_id,
    sender_email as sender,
    recipient,
    scheduled_at,
    transactional
from decide.due_steps
order by send_rank

-- name: known_until
-- The last tick that the warehouse has a commit of.
select max(as_of) from journal.ticks

-- name: phases
-- What is committed of the tick that has begun.
select phase
from journal.ticks
where as_of = (select as_of from raw.tick)

-- name: counts
select
    (select count(*) from decide.new_enrollment_decisions) as judged,
    (select count(*) from decide.new_enrollment_decisions where decision = 'enrolled') as enrolled,
    (select count(*) from decide.new_enrollment_closings) as exited,
    (select count(*) from decide.new_skipped_steps) as skipped,
    (select count(*) from decide.due_steps) as due

-- name: forget_completions
delete from raw.completions

-- name: note_completions
insert into raw.completions by name
select enrollment_id, closed_at, status, exit_reason
from after_sending.new_enrollment_completions

-- name: completions
select count(*) from raw.completions

-- name: since_loading_sequence_versions
-- Rows that the warehouse has since loading, and that the journal has not.
select versions.*
from journal.sequence_versions as versions
cross join raw.tick
where tick.previous_as_of is null or versions.seen_at > tick.previous_as_of
order by versions.seen_at, versions.version_number

-- name: since_loading_loaded_files
select *
from raw.loaded_files
where load_id > (select coalesce(max(last_load_id), 0) from journal.ticks)

-- name: take_time
-- Kept for as long as the connection is: the same statement goes into the journal and into the warehouse.
create or replace temp table commit_of as
select
    ?::timestamp as as_of,
    ?::varchar as phase,
    ?::timestamp as recorded_at

-- name: tick
select
    as_of,
    phase,
    recorded_at,
    (select coalesce(max(load_id), 0) from raw.loaded_files) as last_load_id
from commit_of
