with

enrollments as (

    select * from {{ ref('enrollments_after_sending') }}

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
    goals.sequence_id is not null as has_goal,
    draws.version_id,
    draws.propensity
from enrollments
left join sends
    on enrollments.enrollment_id = sends.enrollment_id
left join {{ ref('int_next_steps') }} as next_steps
    on enrollments.enrollment_id = next_steps.enrollment_id
left join conversions
    on enrollments.enrollment_id = conversions.enrollment_id
-- What it is measured by is the goal of the version that enrolled it (L2).
left join {{ ref('goal_spells') }} as goals
    on
        enrollments.sequence_id = goals.sequence_id
        and enrollments.enrolled_at >= goals.seen_at
        and (goals.until is null or enrollments.enrolled_at < goals.until)
left join {{ ref('int_enrollment_draws') }} as draws
    on enrollments.enrollment_id = draws.enrollment_id
