-- Refusals are few: only their messages' deliveries are read.
with

deliveries as (

    select *
    from {{ source('earlier_sends', 'delivery_log') }}
    where
        message_id in (
            select message_id
            from {{ source('earlier_sends', 'delivery_log') }}
            where outcome = 'bounced'
        )

),

states as (

    {{ message_states_of('deliveries') }}

)

select
    message_id,
    address,
    refused_at
from states
where refused_at is not null
