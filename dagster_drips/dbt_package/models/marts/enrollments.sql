with

enrollments as (

    select * from {{ ref('enrollments_after_sending') }}

),

active as (

    select * from enrollments
    where status = 'active'

),

next_steps as (

    {{ next_steps_of('active', ref('int_resolved_steps')) }}

),

sends as (

    select
        enrollment_id,
        count(*) as steps_sent
    from {{ ref('messages') }}
    where status = 'sent'
    group by enrollment_id

),

-- Closed ones and control convert too, and late events may correct when (L2).
conversions as (

    select * from {{ ref('conversions') }}
    where is_first

),

-- What it is measured by is the goal of the version that enrolled it (L2).
goals as (

    select
        enrollments.enrollment_id,
        spells.goal_event
    from enrollments
    inner join {{ ref('goal_spells') }} as spells
        on
            enrollments.sequence_id = spells.sequence_id
            and enrollments.enrolled_at >= spells.seen_at
            and (spells.until is null or enrollments.enrolled_at < spells.until)

)

select
    enrollments.enrollment_id,
    enrollments.sequence_id,
    enrollments.lead_id,
    enrollments.triggered_at,
    enrollments.enrolled_at,
    enrollments.arm,
    enrollments.status,
    enrollments.exit_reason,
    enrollments.closed_at,
    coalesce(sends.steps_sent, 0) as steps_sent,
    next_steps.step_id as next_step_id,
    next_steps.scheduled_at as next_scheduled_at,
    conversions.occurred_at as converted_at,
    enrollments.occurrence_id,
    conversions.event_id as conversion_event_id,
    conversions.value as conversion_value,
    conversions.currency as conversion_currency,
    goals.enrollment_id is not null as has_goal,
    draws.version_id,
    draws.propensity
from enrollments
left join sends
    on enrollments.enrollment_id = sends.enrollment_id
left join next_steps
    on enrollments.enrollment_id = next_steps.enrollment_id
left join conversions
    on enrollments.enrollment_id = conversions.enrollment_id
left join goals
    on enrollments.enrollment_id = goals.enrollment_id
left join {{ ref('int_enrollment_draws') }} as draws
    on enrollments.enrollment_id = draws.enrollment_id
