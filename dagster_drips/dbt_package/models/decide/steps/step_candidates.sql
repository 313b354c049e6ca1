{{ config(materialized='table', meta={'empty_without': ['due_enrollments', 'new_enrollments']}) }}

-- The next step of every enrollment that is open after this tick's exits and whose time has come, and what becomes of it before limits.
with

enrollments as (

    select due_enrollments.* from {{ ref('due_enrollments') }} as due_enrollments
    left join {{ ref('open_enrollment_exits') }} as exits
        on due_enrollments.enrollment_id = exits.enrollment_id
    where exits.enrollment_id is null

    union all

    select new_enrollments.* from {{ ref('new_enrollments') }} as new_enrollments
    left join {{ ref('new_enrollment_exits') }} as exits
        on new_enrollments.enrollment_id = exits.enrollment_id
    where exits.enrollment_id is null

)

select * from (
    {{ step_candidates_of('enrollments', ref('open_message_states'), ref('resolved_steps')) }}
) as candidates
