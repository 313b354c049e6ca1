-- Open enrollments that the tick had nothing to do for though their time has come: their sequence doesn't run, or their window is closed (M5). Asked
-- by people and by the marts.
with

enrollments as (

    select
        enrollments.enrollment_id,
        enrollments.sequence_id,
        enrollments.lead_id,
        enrollments.occurrence_id,
        enrollments.triggered_at,
        enrollments.enrolled_at,
        enrollments.arm
    from {{ ref('current_enrollments') }} as enrollments
    inner join {{ ref('live_sequences') }} as sequences
        on enrollments.sequence_id = sequences.sequence_id
    left join {{ ref('due_enrollments') }} as due
        on enrollments.enrollment_id = due.enrollment_id
    left join {{ ref('open_enrollment_exits') }} as exits
        on enrollments.enrollment_id = exits.enrollment_id
    where
        enrollments.is_open
        and (not sequences.is_running or enrollments.matters_at <= {{ as_of() }})
        and due.enrollment_id is null
        and exits.enrollment_id is null

),

their_resolved_steps as (

    {{ resolved_steps_of(ref('current_message_states'), source('earlier', 'skipped_steps')) }}

)

select
    candidates.* exclude (
        last_resolved_at, expires_after_seconds, rollout, arm, is_held, is_running, confirmation, was_asked_lately, message_status, window_is_open,
        fails_condition, eligibility
    ),
    {{ as_of() }} as as_of,
    'waiting' as state,
    eligibility as reason
from (
    {{ step_candidates_of('enrollments', ref('current_message_states'), 'their_resolved_steps') }}
) as candidates
