-- Most enrollments are over: what became of their messages decides nothing any more.
with

enrollments as (

    select enrollment_id from {{ ref('open_enrollments') }}
    union all
    select enrollment_id from {{ ref('new_enrollments') }}

),

deliveries as (

    select *
    from {{ source('earlier_sends', 'delivery_log') }}
    where enrollment_id in (select enrollment_id from enrollments)

)

select
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    lead_id,
    address,
    sent_as_of,
    recorded_at,
    attempts,
    status,
    retry_at,
    was_in_doubt
from (
    {{ message_states_of('deliveries') }}
) as states
