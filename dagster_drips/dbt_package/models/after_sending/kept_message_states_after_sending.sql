-- What earlier ticks sent is kept; of what was sent or became known since they decided, all attempts are read anew.
with

looked_at as (

    select message_id
    from {{ source('raw', 'delivery_log') }}
    where as_of >= {{ since() }}
    union distinct
    select message_id from {{ source('raw', 'late_deliveries') }}

),

deliveries as (

    select *
    from {{ source('raw', 'delivery_log') }}
    where message_id in (select message_id from looked_at)

)

select
    message_id,
    enrollment_id,
    sequence_id,
    version_id,
    step_id,
    variant_id,
    lead_id,
    sender,
    recipient,
    address,
    scheduled_at,
    sent_as_of,
    recorded_at,
    attempts,
    status,
    refused_at,
    transactional,
    smtp_code,
    enhanced_code,
    detail,
    retry_at,
    was_in_doubt
from {{ ref('current_message_states') }}
where message_id not in (select message_id from looked_at)

union all

select *
from (
    {{ message_states_of('deliveries') }}
) as states
