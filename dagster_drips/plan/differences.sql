-- What differs between the two sides of a plan, person by person. The replayed warehouses are attached as `base` and
-- `working`, read only; of them only tables are read, as their views name a database of another name. `here` is the working
-- side, `there` the base.

-- name: schema
create schema if not exists plan

-- name: span
create or replace table plan.span as
select
    $start::timestamp as first_as_of,
    $end::timestamp as last_as_of

-- name: comparison_schema
create schema if not exists comparison

-- name: here
create or replace table comparison.here as
select
    as_of,
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    variant_id,
    lead_id,
    recipient,
    scheduled_at,
    version_id,
    as_of as slot
from working.raw.delivery_log
where outcome = 'sent' and as_of >= (select first_as_of from plan.span)

-- name: there
create or replace table comparison.there as
select
    as_of,
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    variant_id,
    lead_id,
    recipient,
    scheduled_at,
    version_id,
    as_of as slot
from base.raw.delivery_log
where outcome = 'sent' and as_of >= (select first_as_of from plan.span)

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
select 'base' as side, message_id, state, reason, scheduled_at from base.decide.current_step_states
union all
select 'working' as side, message_id, state, reason, scheduled_at from working.decide.current_step_states

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

-- name: fates
-- Of every differing mail, what becomes of it on each side: one row per mail and side. `state` is `sent`, `skipped`,
-- `exited`, `waiting`, `later` (after the plan's last tick), `control`, `completed`, `not_enrolled`, `not_triggered`, `no_step`,
-- `not_running`; `reason` a word of the rules.
create or replace table plan.fates as
with

numbered as (

    select
        *,
        row_number() over (order by difference, sequence_id, step_id, lead_id, here_as_of, there_as_of) as number
    from comparison.differences

),

wanted as (

    select
        'working' as side,
        number,
        sequence_id,
        step_id,
        lead_id,
        here_as_of as sent_as_of,
        here_enrollment_id as own_enrollment_id,
        there_enrollment_id as other_enrollment_id
    from numbered

    union all

    select
        'base' as side,
        number,
        sequence_id,
        step_id,
        lead_id,
        there_as_of as sent_as_of,
        there_enrollment_id as own_enrollment_id,
        here_enrollment_id as other_enrollment_id
    from numbered

),

their_decisions as (

    select decisions.*
    from decisions
    semi join wanted
        on decisions.lead_id = wanted.lead_id and decisions.sequence_id = wanted.sequence_id

),

enrolled as (

    select * from their_decisions
    where decision = 'enrolled'

),

latest as (

    select
        side,
        sequence_id,
        lead_id,
        arg_max(enrollment_id, (decided_at, occurrence_id)) as enrollment_id
    from enrolled
    group by side, sequence_id, lead_id

),

refused as (

    select
        side,
        sequence_id,
        lead_id,
        arg_max(decision, (decided_at, occurrence_id)) as decision,
        max(decided_at) as decided_at
    from their_decisions
    where decision <> 'enrolled'
    group by side, sequence_id, lead_id

),

followed as (

    select
        wanted.*,
        coalesce(wanted.own_enrollment_id, same.enrollment_id, latest.enrollment_id) as enrollment_id
    from wanted
    left join enrolled as same
        on wanted.side = same.side and wanted.other_enrollment_id = same.enrollment_id
    left join latest
        on
            wanted.side = latest.side
            and wanted.sequence_id = latest.sequence_id
            and wanted.lead_id = latest.lead_id

),

told as (

    select
        followed.side,
        followed.number,
        followed.enrollment_id,
        md5(followed.enrollment_id || ':' || followed.step_id) as message_id,
        followed.sent_as_of,
        sequences.status,
        sequences.is_running,
        sequences.segment_without_result,
        sequences.sequence_id is not null as is_live,
        steps.step_id is not null as has_step,
        enrolled.arm,
        enrolled.decided_at as enrolled_at,
        enrolled.occurred_at as triggered_at,
        skipped.reason as skipped_because,
        skipped.resolved_at as skipped_at,
        closings.status as closed_as,
        closings.exit_reason,
        closings.closed_at,
        states.state as last_state,
        states.reason as waits_for,
        states.scheduled_at,
        refused.decision as refused_because,
        refused.decided_at as refused_at
    from followed
    left join live_sequences as sequences
        on followed.side = sequences.side and followed.sequence_id = sequences.sequence_id
    left join steps
        on
            followed.side = steps.side
            and followed.sequence_id = steps.sequence_id
            and followed.step_id = steps.step_id
    left join enrolled
        on followed.side = enrolled.side and followed.enrollment_id = enrolled.enrollment_id
    left join skipped_steps as skipped
        on
            followed.side = skipped.side
            and followed.enrollment_id = skipped.enrollment_id
            and followed.step_id = skipped.step_id
    left join closings
        on followed.side = closings.side and followed.enrollment_id = closings.enrollment_id
    left join step_states as states
        on
            followed.side = states.side
            and md5(followed.enrollment_id || ':' || followed.step_id) = states.message_id
    left join refused
        on
            followed.side = refused.side
            and followed.sequence_id = refused.sequence_id
            and followed.lead_id = refused.lead_id

)

select
    side,
    number,
    enrollment_id,
    case
        when sent_as_of is not null then 'sent'
        when not is_live then 'not_running'
        when skipped_because is not null then 'skipped'
        when exit_reason is not null then 'exited'
        when not is_running then 'not_running'
        when not has_step then 'no_step'
        when arm = 'control' then 'control'
        when last_state = 'waiting' and waits_for <> 'not_yet' then 'waiting'
        when closed_as = 'completed' then 'completed'
        when enrollment_id is not null then 'later'
        when refused_because is not null then 'not_enrolled'
        else 'not_triggered'
    end as state,
    case
        when sent_as_of is not null then null
        when not is_live then 'no_sequence'
        when skipped_because is not null then skipped_because
        when exit_reason is not null then exit_reason
        when not is_running then coalesce('segment ' || segment_without_result, status)
        when not has_step or arm = 'control' then null
        when last_state = 'waiting' and waits_for <> 'not_yet' then waits_for
        when enrollment_id is null then refused_because
    end as reason,
    case
        when sent_as_of is not null then sent_as_of
        when skipped_because is not null then skipped_at
        when exit_reason is not null then closed_at
        when enrollment_id is not null then scheduled_at
        else refused_at
    end as at,
    enrolled_at,
    triggered_at
from told

-- name: mails
-- One row per differing mail: whose it is, when and in which variant each side sends it, and why. `displaced_by` is the limit
-- that makes it wait on the working side where the base sends it, of the mail itself or of one before it.
create or replace table plan.mails as
with

numbered as (

    select
        *,
        row_number() over (order by difference, sequence_id, step_id, lead_id, here_as_of, there_as_of) as number
    from comparison.differences

),

waited as (

    select
        numbered.number,
        min(waits.reason) as reason
    from numbered
    inner join limit_waits as waits
        on
            waits.side = 'working'
            and numbered.there_message_id = waits.message_id
            and numbered.there_as_of = waits.as_of
    group by numbered.number

),

freed as (

    select
        numbered.number,
        min(waits.reason) as reason
    from numbered
    inner join limit_waits as waits
        on
            waits.side = 'base'
            and numbered.here_message_id = waits.message_id
            and numbered.here_as_of = waits.as_of
    group by numbered.number

),

told as (

    select
        numbered.*,
        sequences.change as sequence_change,
        working.state as working_state,
        working.reason as working_reason,
        working.at as working_at,
        base.state as base_state,
        base.reason as base_reason,
        base.at as base_at,
        working.triggered_at as working_triggered_at,
        base.triggered_at as base_triggered_at,
        here.scheduled_at as here_scheduled_at,
        there.scheduled_at as there_scheduled_at,
        waited.reason as waited_for,
        freed.reason as freed_from
    from numbered
    left join plan.sequences as sequences
        on numbered.sequence_id = sequences.sequence_id
    left join plan.fates as working
        on numbered.number = working.number and working.side = 'working'
    left join plan.fates as base
        on numbered.number = base.number and base.side = 'base'
    left join comparison.here as here
        on numbered.here_message_id = here.message_id
    left join comparison.there as there
        on numbered.there_message_id = there.message_id
    left join waited
        on numbered.number = waited.number
    left join freed
        on numbered.number = freed.number

)

select
    number,
    case difference
        when 'only_here' then 'gains'
        when 'only_there' then 'loses'
        when 'other_time' then 'moves'
        else difference
    end as change,
    sequence_id,
    step_id,
    lead_id,
    recipient,
    there_as_of as base_as_of,
    here_as_of as working_as_of,
    there_variant_id as base_variant_id,
    here_variant_id as working_variant_id,
    base_state,
    base_reason,
    base_at,
    working_state,
    working_reason,
    working_at,
    case
        when difference = 'only_here' or here_as_of < there_as_of then null
        when waited_for is not null then waited_for
        when difference in ('only_there', 'other_time') and working_state in ('sent', 'later', 'waiting')
            then last_value(waited_for ignore nulls) over (
                partition by sequence_id, lead_id
                order by there_as_of, number
                rows between unbounded preceding and current row
            )
    end as displaced_by,
    freed_from as freed_from,
    case
        when difference <> 'other_time' then null
        when base_triggered_at <> working_triggered_at then 'trigger'
        when waited_for is not null then waited_for
        when freed_from is not null then freed_from
        when here_scheduled_at <> there_scheduled_at then 'schedule'
        else 'window'
    end as moved_by,
    sequence_change,
    there_enrollment_id as base_enrollment_id,
    here_enrollment_id as working_enrollment_id,
    there_message_id as base_message_id,
    here_message_id as working_message_id
from told
order by number

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

open_ticks as (

    select distinct 'base' as side, sequence_id from base.plan.open_ticks
    union all
    select distinct 'working' as side, sequence_id from working.plan.open_ticks

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
anti join open_ticks
    on running.side = open_ticks.side and running.sequence_id = open_ticks.sequence_id

union all

select running.side, 'trigger_never_fired', running.sequence_id, null, null
from running
inner join triggers
    on running.side = triggers.side and running.sequence_id = triggers.sequence_id
where triggers.times = 0

union all

select expired.side, 'always_expires', expired.sequence_id, expired.step_id, expired.steps
from expired
anti join sent
    on expired.side = sent.side and expired.sequence_id = sent.sequence_id and expired.step_id = sent.step_id

union all

select side, reason || '_too_slow', sender, null, mails
from left_waiting

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
-- One of each kind of difference first, then another of each; which, md5 draws.
select * exclude (turn)
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

-- name: edited_sequences
select
    sequence_id,
    change,
    base_status,
    working_status
from plan.sequences
where change is not null
order by sequence_id

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

-- name: ever_ticked
-- Of the project's own warehouse: whether any tick has decided by its files.
select exists (select 1 from journal.ticks)
