-- Of the whole delivery log a tick's limits concern the cap's period, this UTC day, and every message of an address that warms up.
with

since as (

    select
        least(
            {{ add_seconds(as_of(), '-coalesce(cap_per_seconds, 0)') }}, cast(cast({{ as_of() }} as date) as timestamp)
        ) as as_of
    from {{ source('raw', 'project_settings') }}

),

-- Senders are few: their addresses are compared after the counting.
warming_senders as (

    select senders.sender
    from (
        select distinct sender from {{ ref('current_message_states') }}
    ) as senders
    inner join {{ source('raw', 'sender_identities') }} as identities
        on {{ address('senders.sender') }} = identities.address
    where identities.warmup_start is not null

)

select
    message_id,
    address,
    sender,
    status,
    sent_as_of,
    transactional
from {{ ref('current_message_states') }}
where
    sent_as_of >= (select as_of from since)
    or sender in (select sender from warming_senders)
