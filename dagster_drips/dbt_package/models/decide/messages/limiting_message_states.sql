-- Of the whole delivery log a tick's limits concern the cap's period, this UTC day, and every message of an address that warms up.
with

since as (

    select
        least(
            {{ add_seconds(as_of(), '-coalesce(cap_per_seconds, 0)') }}, cast(cast({{ as_of() }} as date) as timestamp)
        ) as as_of
    from {{ source('raw', 'project_settings') }}

),

senders as (

    select distinct sender from {{ source('earlier_sends', 'delivery_log') }}

),

-- Senders are few: their addresses are compared after the counting.
warming_senders as (

    select senders.sender
    from senders
    inner join {{ source('raw', 'sender_identities') }} as identities
        on {{ address('senders.sender') }} = identities.address
    where identities.warmup_start is not null

),

message_ids as (

    select message_id
    from {{ source('earlier_sends', 'delivery_log') }}
    where
        as_of >= (select as_of from since)
        or sender in (select sender from warming_senders)

),

deliveries as (

    select *
    from {{ source('earlier_sends', 'delivery_log') }}
    where message_id in (select message_id from message_ids)

)

select
    message_id,
    address,
    sender,
    status,
    sent_as_of,
    transactional
from (
    {{ message_states_of('deliveries') }}
) as states
