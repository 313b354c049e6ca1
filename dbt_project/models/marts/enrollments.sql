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

    {{ conversions_of('enrollments') }}

),

-- Of two goal events at one instant the first by id is the conversion.
conversion_events as (

    select
        conversions.enrollment_id,
        min(goals.event_id) as event_id
    from conversions
    inner join enrollments
        on conversions.enrollment_id = enrollments.enrollment_id
    inner join {{ ref('matched_events') }} as goals
        on
            enrollments.sequence_id = goals.sequence_id
            and enrollments.lead_id = goals.lead_id
            and conversions.converted_at = goals.occurred_at
            and goals.role = 'goal'
    group by conversions.enrollment_id

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
    conversions.converted_at,
    enrollments.occurrence_id,
    conversion_events.event_id as conversion_event_id,
    events.value as conversion_value,
    events.currency as conversion_currency
from enrollments
left join sends
    on enrollments.enrollment_id = sends.enrollment_id
left join next_steps
    on enrollments.enrollment_id = next_steps.enrollment_id
left join conversions
    on enrollments.enrollment_id = conversions.enrollment_id
left join conversion_events
    on enrollments.enrollment_id = conversion_events.enrollment_id
left join {{ ref('stg_events') }} as events
    on conversion_events.event_id = events.event_id
