-- Which mails differ between the two sides of a plan, what becomes of each on either, and why. `sides.sql` makes what is read
-- here.

-- name: differences
-- Numbered once, as rows may be alike in all that they are ordered by.
create or replace table plan.differences as
select
    *,
    row_number() over (order by difference, sequence_id, step_id, lead_id, here_as_of, there_as_of) as number
from comparison.differences

-- name: fates
-- Of every differing mail, what becomes of it on each side: one row per mail and side. `state` is `sent`, `skipped`,
-- `exited`, `waiting`, `later` (after the plan's last tick), `control`, `completed`, `not_enrolled`, `not_judged` (E3), `not_triggered`,
-- `no_step`, `not_running`; `reason` a word of the rules.
create or replace table plan.fates as
with

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
    from plan.differences

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
    from plan.differences

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
        refused.decided_at as refused_at,
        waiting.lead_id is not null as is_unjudged
    from followed
    left join waiting_occurrences as waiting
        on
            followed.side = waiting.side
            and followed.sequence_id = waiting.sequence_id
            and followed.lead_id = waiting.lead_id
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
        when is_unjudged then 'not_judged'
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

waited as (

    select
        numbered.number,
        min(waits.reason) as reason
    from plan.differences as numbered
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
    from plan.differences as numbered
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
    from plan.differences as numbered
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
    freed_from,
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
