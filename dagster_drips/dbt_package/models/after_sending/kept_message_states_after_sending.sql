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

-- Kept as the macro below says them, in its columns' order.
select *
from {{ ref('current_message_states') }}
where message_id not in (select message_id from looked_at)

union all

select *
from (
    {{ message_states_of('deliveries') }}
) as states
