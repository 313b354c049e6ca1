-- What the bench of sequence tests does on its throw-away warehouse.

-- name: one_thread
set threads = 1

-- name: plan_for_any_rows
-- A statement is planned once and runs over the rows of many tests: what the rows of one of them are like must not count.
set disabled_optimizers = 'statistics_propagation'

-- name: filled_tables
-- All that a test leaves behind; what dbt made of the models stays, and so does what the clocks of the world do.
select
    table_schema,
    table_name
from information_schema.tables
where
    table_schema in ('raw', 'journal')
    and table_type = 'BASE TABLE'
    and not starts_with(table_name, 'prepared_')
    and table_name not in ('time_zones', 'clock_changes')

-- name: schema
create schema if not exists given

-- name: members
create or replace table given.members (
    segment varchar not null,
    lead_id varchar not null,
    entered_at timestamp,
    left_at timestamp
)

-- name: forget_members
delete from given.members

-- name: rejected
select
    kind,
    line,
    reason
from raw.rejected_rows
order by kind, line
limit 1

-- name: last_message
-- The last mail of that step to that lead up to an instant.
select message_id
from raw.delivery_log
where sequence_id = $sequence_id and lead_id = $lead_id and step_id = $step_id and outcome = 'sent' and as_of <= $at
order by as_of desc, message_id
limit 1

-- name: any_due
select exists (select 1 from decide.due_steps)

-- name: happened
-- What a tick did in a sequence, in the order of T4.
select
    2 as turn,
    'enrollments' as kind,
    lead_id,
    cast(null as varchar) as step,
    decision as reason,
    arm,
    cast(null as varchar) as variant,
    cast(null as varchar) as sender,
    cast(null as varchar) as message_id
from journal.enrollment_decisions
where sequence_id = $sequence_id and decided_at = $as_of

union all

select
    case closings.status when 'completed' then 5 else 1 end as turn,
    case closings.status when 'completed' then 'completed' else 'exits' end as kind,
    decisions.lead_id,
    null as step,
    closings.exit_reason as reason,
    null as arm,
    null as variant,
    null as sender,
    null as message_id
from journal.enrollment_closings as closings
inner join journal.enrollment_decisions as decisions
    on closings.enrollment_id = decisions.enrollment_id
where decisions.sequence_id = $sequence_id and closings.closed_at = $as_of

union all

select
    3 as turn,
    'skips' as kind,
    decisions.lead_id,
    skipped.step_id as step,
    skipped.reason,
    null as arm,
    null as variant,
    null as sender,
    null as message_id
from journal.skipped_steps as skipped
inner join journal.enrollment_decisions as decisions
    on skipped.enrollment_id = decisions.enrollment_id
where decisions.sequence_id = $sequence_id and skipped.resolved_at = $as_of

union all

select
    4 as turn,
    'mails' as kind,
    lead_id,
    step_id as step,
    null as reason,
    null as arm,
    variant_id as variant,
    sender,
    message_id
from raw.delivery_log
where sequence_id = $sequence_id and as_of = $as_of

order by turn, lead_id, step, message_id

-- name: given_members
-- In place of a segment's model; the placeholder stands for its name, as a literal.
select members.lead_id
from given.members as members
cross join raw.tick as tick
where
    members.segment = ${segment}
    and coalesce(members.entered_at <= tick.as_of, true)
    and coalesce(members.left_at > tick.as_of, true)

-- name: content_schema
create schema if not exists content

-- name: is_content
select 1 from information_schema.tables
where
    table_schema = 'content'
    and table_name = $name
    and table_type = case $kind when 'view' then 'VIEW' else 'BASE TABLE' end

-- name: forget_content_table
drop table content.${name}

-- name: forget_content_view
drop view content.${name}

-- name: given_content
-- In place of a content model; the placeholders stand for its name, its columns cast from JSON, rows and their structure as literals.
create view content.${name} as
select ${columns}
from (select unnest(from_json(${rows}, ${structure})) as _row) as given
