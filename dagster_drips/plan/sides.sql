-- The two sides of a plan, each a replayed warehouse that is attached read only, as `base` and `working`. Of them only tables are
-- read, as their views name a database of another name. In schema `comparison`, `here` is the working side, `there` the base.

-- name: ever_ticked
-- Of the project's own warehouse: whether any tick has decided by its files.
select exists (select 1 from journal.ticks)

-- name: schema
create schema if not exists plan

-- name: span
create or replace table plan.span as
select
    $start::timestamp as first_as_of,
    $end::timestamp as last_as_of

-- name: comparison_schema
create schema if not exists comparison

-- name: sends
create or replace temp view sends as
select
    sides.side,
    sides.as_of,
    sides.message_id,
    sides.enrollment_id,
    sides.sequence_id,
    sides.step_id,
    sides.variant_id,
    sides.lead_id,
    sides.recipient,
    sides.scheduled_at,
    sides.version_id,
    sides.as_of as slot
from (
    select 'base' as side, * from base.raw.delivery_log
    union all by name
    select 'working' as side, * from working.raw.delivery_log
) as sides
where sides.outcome = 'sent' and sides.as_of >= (select first_as_of from plan.span)

-- name: here
create or replace table comparison.here as
select * exclude (side) from sends where side = 'working'

-- name: there
create or replace table comparison.there as
select * exclude (side) from sends where side = 'base'

-- name: sequences
-- One row per sequence of either side, with what is another: `added`, `removed`, `changed`, or nothing.
create or replace table plan.sequences as
select
    coalesce(working.sequence_id, base.sequence_id) as sequence_id,
    base.status as base_status,
    working.status as working_status,
    case
        when base.sequence_id is null then 'added'
        when working.sequence_id is null then 'removed'
        when working.file_state = 'deleted' and base.file_state <> 'deleted' then 'removed'
        when base.version_id <> working.version_id or base.status <> working.status then 'changed'
    end as change
from base.raw.sequences as base
full outer join working.raw.sequences as working
    on base.sequence_id = working.sequence_id

-- name: decisions
create or replace temp view decisions as
select 'base' as side, * from base.journal.enrollment_decisions
union all
select 'working' as side, * from working.journal.enrollment_decisions

-- name: closings
create or replace temp view closings as
select 'base' as side, * from base.journal.enrollment_closings
union all
select 'working' as side, * from working.journal.enrollment_closings

-- name: skipped_steps
create or replace temp view skipped_steps as
select 'base' as side, * from base.journal.skipped_steps
union all
select 'working' as side, * from working.journal.skipped_steps

-- name: limit_waits
create or replace temp view limit_waits as
select 'base' as side, * from base.plan.limit_waits
union all
select 'working' as side, * from working.plan.limit_waits

-- name: step_states
-- As the last tick left them.
create or replace temp view step_states as
select 'base' as side, * from base.plan.step_states
union all
select 'working' as side, * from working.plan.step_states

-- name: waiting_occurrences
create or replace temp view waiting_occurrences as
select 'base' as side, * from base.plan.waiting_occurrences
union all
select 'working' as side, * from working.plan.waiting_occurrences

-- name: live_sequences
create or replace temp view live_sequences as
select 'base' as side, sequence_id, status, is_running, segment_without_result from base.decide.live_sequences
union all
select 'working' as side, sequence_id, status, is_running, segment_without_result from working.decide.live_sequences

-- name: steps
create or replace temp view steps as
select 'base' as side, sequence_id, step_id from base.raw.sequence_steps
union all
select 'working' as side, sequence_id, step_id from working.raw.sequence_steps

-- name: definitions
-- The texts behind what is edited, of both sides: what each had live last.
select
    versions.side,
    versions.sequence_id,
    versions.definition,
    versions.files
from (
    select 'base' as side, * from base.journal.sequence_versions
    union all by name
    select 'working' as side, * from working.journal.sequence_versions
) as versions
qualify row_number() over (
    partition by versions.side, versions.sequence_id
    order by versions.seen_at desc, coalesce(versions.version_number, 0) desc
) = 1
order by versions.sequence_id, versions.side

-- name: edited_sequences
select
    sequence_id,
    change,
    base_status,
    working_status
from plan.sequences
where change is not null
order by sequence_id
