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

-- Columns in one order: what waits has all of them but the last two.
select * from {{ ref('judged_steps') }}

union all

select
    *,
    {{ no_text() }} as detail,
    cast(null as bigint) as send_rank
from waiting
