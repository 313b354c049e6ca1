-- What earlier ticks sent is kept; this one's sends come on top.
with

deliveries as (

    select * from {{ source('raw', 'delivery_log') }}
    where as_of >= {{ as_of() }}

),

states as (

    select enrollment_id, step_id, sent_as_of, status from (
        {{ message_states_of('deliveries') }}
    ) as sent_now
    union distinct
    select enrollment_id, step_id, sent_as_of, status from {{ ref('current_message_states') }}
    where enrollment_id in (select enrollment_id from {{ ref('completion_candidates') }})

),

skipped_steps as (

    select * from {{ source('journal', 'skipped_steps') }}
    where enrollment_id in (select enrollment_id from {{ ref('completion_candidates') }})

)

{{ resolved_steps_of('states', 'skipped_steps') }}
