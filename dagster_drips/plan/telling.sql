-- What a plan tells of the tables that the other files make, and the rows of its Parquet files.

-- name: new_warnings
-- Those of the working side that the base has not.
select
    warning,
    subject,
    step_id,
    amount
from plan.warnings as working
where
    side = 'working'
    and not exists (
        select 1
        from plan.warnings as base
        where
            base.side = 'base'
            and base.warning = working.warning
            and base.subject = working.subject
            and base.step_id is not distinct from working.step_id
            and (base.warning not in ('warmup_too_slow', 'throttle_too_slow') or base.amount >= working.amount)
    )
order by warning, subject, step_id

-- name: by_step
-- One row per sequence and step that differs.
with

sent as (

    select
        coalesce(here.sequence_id, there.sequence_id) as sequence_id,
        coalesce(here.step_id, there.step_id) as step_id,
        coalesce(there.mails, 0) as base_mails,
        coalesce(here.mails, 0) as working_mails
    from (select sequence_id, step_id, count(*) as mails from comparison.here group by all) as here
    full outer join (select sequence_id, step_id, count(*) as mails from comparison.there group by all) as there
        on here.sequence_id = there.sequence_id and here.step_id = there.step_id

)

select
    mails.sequence_id,
    mails.step_id,
    any_value(mails.sequence_change) as sequence_change,
    any_value(sent.base_mails) as base_mails,
    any_value(sent.working_mails) as working_mails,
    count(*) filter (where mails.change = 'gains') as gains,
    count(*) filter (where mails.change = 'loses') as loses,
    count(*) filter (where mails.change = 'moves' and mails.working_as_of < mails.base_as_of) as earlier,
    count(*) filter (where mails.change = 'moves' and mails.working_as_of > mails.base_as_of) as later,
    count(*) filter (where mails.change = 'other_variant') as other_variant
from plan.mails as mails
inner join sent
    on mails.sequence_id = sent.sequence_id and mails.step_id = sent.step_id
where mails.change <> 'other_enrollment'
group by mails.sequence_id, mails.step_id
order by mails.sequence_id, mails.step_id

-- name: totals
select
    (select count(*) from comparison.there) as base_mails,
    (select count(*) from comparison.here) as working_mails,
    count(*) filter (where change = 'gains') as gains,
    count(*) filter (where change = 'loses') as loses,
    count(*) filter (where change = 'moves' and working_as_of < base_as_of) as earlier,
    count(*) filter (where change = 'moves' and working_as_of > base_as_of) as later,
    count(*) filter (where change = 'other_variant') as other_variant,
    count(distinct lead_id) filter (where change <> 'other_enrollment') as people,
    count(*) filter (where change <> 'other_enrollment') as differing,
    (select count(*) from working.kept.current_leads) as leads,
    (select count(*) from plan.enrollments where change = 'enters') as new_enrollments,
    (select count(*) from plan.enrollments where change = 'stays_out') as lost_enrollments
from plan.mails

-- name: displaced
-- Whom a limit makes wait, or keeps from the mail for all of the plan's days, in sequences that nobody edited too.
select
    displaced_by,
    sequence_id,
    any_value(sequence_change) as sequence_change,
    count(*) filter (where change = 'moves') as later,
    count(*) filter (where change = 'loses') as not_in_these_days,
    count(distinct lead_id) as people
from plan.mails
where displaced_by is not null
group by displaced_by, sequence_id
order by displaced_by, sequence_id

-- name: at_once
select
    sequence_id,
    exit_reason_at_once as exit_reason,
    count(*) as people
from plan.enrollments
where exit_reason_at_once is not null and change in ('enters', 'exits_at_once')
group by sequence_id, exit_reason_at_once
order by sequence_id, exit_reason_at_once

-- name: entering
select
    sequence_id,
    count(*) filter (where change = 'enters') as enter,
    count(*) filter (where change = 'stays_out') as stay_out
from plan.enrollments
where change in ('enters', 'stays_out')
group by sequence_id
order by sequence_id

-- name: days
select
    coalesce(here.day, there.day) as day,
    coalesce(there.mails, 0) as base_mails,
    coalesce(here.mails, 0) as working_mails
from (select cast(as_of as date) as day, count(*) as mails from comparison.here group by all) as here
full outer join (select cast(as_of as date) as day, count(*) as mails from comparison.there group by all) as there
    on here.day = there.day
order by 1

-- name: changed_segments
select * from plan.segments
where base_members is distinct from working_members or entered > 0 or "left" > 0
order by segment

-- name: samples
-- One of each kind of difference first, then another of each; which, md5 draws. One mail a person, and without addresses:
-- this is shown.
select * exclude (turn, recipient)
from (
    select
        *,
        row_number() over (
            partition by change, sequence_id, step_id, base_state, base_reason, working_state, working_reason
            order by md5(lead_id)
        ) as turn
    from plan.mails
    where change <> 'other_enrollment'
) as drawn
qualify row_number() over (partition by lead_id order by turn, change, sequence_id, step_id, number) = 1
order by turn, change, sequence_id, step_id, number
limit ?

-- name: all_mails
select * exclude (number) from plan.mails order by number

-- name: all_enrollments
select * from plan.enrollments

-- name: all_segment_members
select * from plan.segment_members

-- name: all_sends
-- What the working side sends, as `drips replay --out` has it.
select
    as_of,
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    variant_id,
    lead_id,
    recipient
from comparison.here
order by as_of, message_id
