{{ config(materialized='table') }}

-- What became of the messages of other enrollments decides nothing at this tick.
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
from {{ ref('current_message_states') }}
where
    enrollment_id in (
        select enrollment_id from {{ ref('due_enrollments') }}
        union all
        select enrollment_id from {{ ref('new_enrollments') }}
    )
