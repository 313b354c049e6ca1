-- Asked by people and by what lives a project forward; deciding asks only for those that may go out.
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

),

waiting as (

    {{ waiting_steps_of('others') }}

)

select
    enrollment_id,
    sequence_id,
    lead_id,
    occurrence_id,
    triggered_at,
    enrolled_at,
    step_id,
    position,
    message_id,
    planned_at,
    scheduled_at,
    version_id,
    trigger_kind,
    sender_name,
    sender_email,
    sender_reply_to,
    priority,
    transactional,
    recipient,
    address,
    attempt,
    retry_at,
    as_of,
    state,
    reason,
    detail,
    send_rank
from {{ ref('judged_steps') }}

union all

select
    *,
    cast(null as varchar) as detail,
    cast(null as bigint) as send_rank
from waiting
