-- Open enrollments that the tick had nothing to do for though their time has come: their sequence doesn't run, or their window is closed (M5). Asked
-- by the marts, and at the end of a day.
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

)

select *
from (
    {{ waiting_steps_of('enrollments') }}
) as waiting
