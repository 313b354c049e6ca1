-- What a side notes down at each of its ticks, in schema `plan` of its own warehouse: the next tick makes it anew.

-- name: set_threads
set threads = ?

-- name: fold_seldom
-- Each folding of the log into the file compresses tables that the next tick makes anew, and nothing here is to last.
set checkpoint_threshold = '256MB'

-- name: schema
create schema if not exists plan

-- name: limit_waits
-- One row per tick and mail that waits for a limit.
create or replace table plan.limit_waits (
    as_of timestamp not null,
    message_id varchar not null,
    enrollment_id varchar not null,
    sequence_id varchar not null,
    step_id varchar not null,
    lead_id varchar not null,
    sender varchar not null,
    reason varchar not null
)

-- name: open_sequences
-- One row per sequence whose window is open at some instant of the plan, somewhere.
create or replace table plan.open_sequences (
    sequence_id varchar not null
)

-- name: segment_members
-- One row per segment and member at the first tick.
create or replace table plan.segment_members (
    segment varchar not null,
    lead_id varchar not null
)

-- name: note_limit_waits
insert into plan.limit_waits by name
select
    as_of,
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    lead_id,
    lower(trim(sender_email)) as sender,
    reason
from decide.judged_steps
where state = 'waiting' and reason in ('frequency_cap', 'throttle', 'warmup')

-- name: never_open
-- Whether there are sequences whose window has been open nowhere yet.
select exists (
    select 1
    from raw.sequences as sequences
    anti join plan.open_sequences as known
        on sequences.sequence_id = known.sequence_id
)

-- name: note_open_sequences
insert into plan.open_sequences by name
select distinct windows.sequence_id
from decide.open_windows as windows
anti join plan.open_sequences as known
    on windows.sequence_id = known.sequence_id

-- name: note_segment_members
-- At the first tick, which is the one that sees an edit.
insert into plan.segment_members by name
select
    segment,
    lead_id
from decide.segment_members

-- name: triggers
-- At the last tick: how often each sequence's trigger has ever fired, whoever may enter.
create or replace table plan.triggers as
select
    sequences.sequence_id,
    case sequences.trigger_kind
        when 'event' then coalesce(fired.times, 0)
        when 'lead_created' then (select count(*) from staging.stg_leads)
        else coalesce(members.times, 0)
    end as times
from raw.sequences as sequences
left join (
    select sequence_id, count(*) as times
    from decide.matched_events
    where role = 'trigger'
    group by sequence_id
) as fired
    on sequences.sequence_id = fired.sequence_id
left join (
    select segment, count(*) as times
    from journal.segment_changes
    where change = 'entered'
    group by segment
) as members
    on sequences.trigger_segment = members.segment

-- name: step_states
-- At the last tick: the next step of each open enrollment.
create or replace table plan.step_states as
select
    message_id,
    state,
    reason,
    scheduled_at
from decide.current_step_states

-- name: waiting_occurrences
-- At the last tick: who could enter and is not judged yet (E3).
create or replace table plan.waiting_occurrences as
select distinct
    occurrences.sequence_id,
    occurrences.lead_id
from decide.occurrences as occurrences
anti join journal.enrollment_decisions as decisions
    on
        occurrences.sequence_id = decisions.sequence_id
        and occurrences.lead_id = decisions.lead_id
        and occurrences.occurrence_id = decisions.occurrence_id
