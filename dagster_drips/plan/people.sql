-- Who enters on one side alone, whose segments differ, and what looks like a mistake. `sides.sql` makes what is read here.

-- name: enrollments
-- One row per person and sequence that one side enrolls in the plan's days and the other does not.
create or replace table plan.enrollments as
with

within as (

    select
        decisions.side,
        decisions.sequence_id,
        decisions.lead_id,
        min(decisions.decided_at) as enrolled_at,
        arg_min(decisions.arm, decisions.decided_at) as arm,
        arg_min(closings.exit_reason, decisions.decided_at) filter (
            where closings.status = 'exited' and closings.closed_at = decisions.decided_at
        ) as exit_reason_at_once
    from decisions
    left join closings
        on decisions.side = closings.side and decisions.enrollment_id = closings.enrollment_id
    where
        decisions.decision = 'enrolled'
        and decisions.decided_at >= (select first_as_of from plan.span)
    group by decisions.side, decisions.sequence_id, decisions.lead_id

),

refused as (

    select
        side,
        sequence_id,
        lead_id,
        arg_max(decision, (decided_at, occurrence_id)) as decision
    from decisions
    where decision <> 'enrolled'
    group by side, sequence_id, lead_id

)

select
    case
        when base.lead_id is null then 'enters'
        when working.lead_id is null then 'stays_out'
        else 'exits_at_once'
    end as change,
    coalesce(working.sequence_id, base.sequence_id) as sequence_id,
    coalesce(working.lead_id, base.lead_id) as lead_id,
    base.enrolled_at as base_enrolled_at,
    working.enrolled_at as working_enrolled_at,
    base.arm as base_arm,
    working.arm as working_arm,
    working.exit_reason_at_once,
    case when base.lead_id is null then base_refused.decision end as base_decision,
    case when working.lead_id is null then working_refused.decision end as working_decision
from (select * from within where side = 'base') as base
full outer join (select * from within where side = 'working') as working
    on base.sequence_id = working.sequence_id and base.lead_id = working.lead_id
left join refused as base_refused
    on
        base_refused.side = 'base'
        and working.sequence_id = base_refused.sequence_id
        and working.lead_id = base_refused.lead_id
left join refused as working_refused
    on
        working_refused.side = 'working'
        and base.sequence_id = working_refused.sequence_id
        and base.lead_id = working_refused.lead_id
where
    base.lead_id is null
    or working.lead_id is null
    or (working.exit_reason_at_once is not null and base.exit_reason_at_once is null)
order by change, sequence_id, lead_id

-- name: segment_members
-- One row per person who is in a segment on one side only, at the plan's first tick.
create or replace table plan.segment_members as
select
    coalesce(working.segment, base.segment) as segment,
    coalesce(working.lead_id, base.lead_id) as lead_id,
    case when base.lead_id is null then 'entered' else 'left' end as change
from base.plan.segment_members as base
full outer join working.plan.segment_members as working
    on base.segment = working.segment and base.lead_id = working.lead_id
where base.lead_id is null or working.lead_id is null
order by segment, change, lead_id

-- name: segments
-- One row per segment of either side; NULL members: it has no result there.
create or replace table plan.segments as
with

results as (

    select
        'base' as side,
        segment,
        members
    from base.journal.segment_results
    where as_of = (select first_as_of from plan.span)

    union all

    select
        'working' as side,
        segment,
        members
    from working.journal.segment_results
    where as_of = (select first_as_of from plan.span)

),

changes as (

    select
        segment,
        count(*) filter (where change = 'entered') as entered,
        count(*) filter (where change = 'left') as "left"
    from plan.segment_members
    group by segment

)

select
    results.segment,
    max(results.members) filter (where results.side = 'base') as base_members,
    max(results.members) filter (where results.side = 'working') as working_members,
    coalesce(any_value(changes.entered), 0) as entered,
    coalesce(any_value(changes."left"), 0) as "left"
from results
left join changes
    on results.segment = changes.segment
group by results.segment
order by results.segment

-- name: warnings
-- What looks like a mistake, on either side.
create or replace table plan.warnings as
with

running as (

    select side, sequence_id from live_sequences
    where is_running

),

opened as (

    select 'base' as side, sequence_id from base.plan.open_sequences
    union all
    select 'working' as side, sequence_id from working.plan.open_sequences

),

triggers as (

    select 'base' as side, * from base.plan.triggers
    union all
    select 'working' as side, * from working.plan.triggers

),

sent as (

    select 'base' as side, sequence_id, step_id, count(*) as mails from comparison.there
    group by sequence_id, step_id
    union all
    select 'working' as side, sequence_id, step_id, count(*) as mails from comparison.here
    group by sequence_id, step_id

),

expired as (

    select
        skipped.side,
        decisions.sequence_id,
        skipped.step_id,
        count(*) as steps
    from skipped_steps as skipped
    inner join decisions
        on skipped.side = decisions.side and skipped.enrollment_id = decisions.enrollment_id
    where skipped.reason = 'expired' and skipped.resolved_at >= (select first_as_of from plan.span)
    group by skipped.side, decisions.sequence_id, skipped.step_id

),

-- Who still waits at the last tick, though there was time.
left_waiting as (

    select
        side,
        sender,
        reason,
        count(*) as mails
    from limit_waits
    where reason in ('warmup', 'throttle') and as_of = (select last_as_of from plan.span)
    group by side, sender, reason

)

select
    'working' as side,
    'segment_triples' as warning,
    segment as subject,
    cast(null as varchar) as step_id,
    working_members as amount
from plan.segments
where base_members > 0 and working_members >= 3 * base_members

union all

select running.side, 'window_never_opens', running.sequence_id, null, null
from running
anti join opened
    on running.side = opened.side and running.sequence_id = opened.sequence_id

union all

select running.side, 'trigger_never_fired', running.sequence_id, null, null
from running
inner join triggers
    on running.side = triggers.side and running.sequence_id = triggers.sequence_id
where
    triggers.times = 0
    -- before anybody has landed that says nothing
    and exists (select 1 from working.kept.current_leads)

union all

select expired.side, 'always_expires', expired.sequence_id, expired.step_id, expired.steps
from expired
anti join sent
    on expired.side = sent.side and expired.sequence_id = sent.sequence_id and expired.step_id = sent.step_id

union all

select side, reason || '_too_slow', sender, null, mails
from left_waiting
