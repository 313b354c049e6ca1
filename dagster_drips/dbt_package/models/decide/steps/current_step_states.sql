-- Asked by people, by the marts and by what lives a project forward; deciding asks only for those that may go out.
with

others as (

    select
        enrollments.enrollment_id,
        enrollments.sequence_id,
        enrollments.lead_id,
        enrollments.occurrence_id,
        enrollments.triggered_at,
        enrollments.enrolled_at,
        enrollments.arm
    from {{ ref('open_enrollments') }} as enrollments
    left join {{ ref('due_enrollments') }} as due
        on enrollments.enrollment_id = due.enrollment_id
    left join {{ ref('open_enrollment_exits') }} as exits
        on enrollments.enrollment_id = exits.enrollment_id
    where
        due.enrollment_id is null
        and exits.enrollment_id is null
        and enrollments.enrollment_id not in (select enrollment_id from {{ ref('overdue_steps') }})

),

their_resolved_steps as (

    {{ resolved_steps_of(ref('current_message_states'), source('earlier', 'skipped_steps')) }}

),

waiting as (

    {{ step_candidates_of('others', ref('current_message_states'), 'their_resolved_steps') }}

)

select * from {{ ref('judged_steps') }}

union all by name

select * from {{ ref('overdue_steps') }}

union all by name

select
    waiting.* exclude (
        last_resolved_at, expires_after_seconds, rollout, arm, is_held, is_running, confirmation, was_asked_lately, message_status, window_is_open,
        fails_condition, eligibility
    ),
    {{ as_of() }} as as_of,
    'waiting' as state,
    eligibility as reason
from waiting
