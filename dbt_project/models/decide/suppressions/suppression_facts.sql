-- From landed lists and from engagement alike; a wish without a readable time holds from the start.
with

landed as (

    select
        {{ address('email') }} as address,
        case
            when reason in ('unsubscribed', 'bounced', 'complained', 'resubscribed') then reason
            else 'manual'
        end as reason,
        topic,
        occurred_at
    from {{ source('raw', 'suppressions') }}

),

engaged as (

    select
        address,
        type as reason,
        topic,
        effective_at as occurred_at
    from {{ ref('engagement_facts') }}
    where
        type in ('unsubscribed', 'complained', 'resubscribed')
        or (type = 'bounced' and bounce_class <> 'soft')

),

-- A server that refuses a recipient for good bounces it there and then.
refused as (

    select
        address,
        'bounced' as reason,
        cast(null as varchar) as topic,
        refused_at as occurred_at
    from {{ ref('message_states') }}
    where refused_at is not null

),

softly_bounced as (

    select
        address,
        'bounced' as reason,
        cast(null as varchar) as topic,
        bounced_out_at as occurred_at
    from {{ ref('soft_bounced_addresses') }}

),

-- Whom somebody asked to forget is not mailed again, landed anew or not.
forgotten as (

    select
        address,
        'manual' as reason,
        cast(null as varchar) as topic,
        cast(null as timestamp) as occurred_at
    from {{ ref('forgotten_addresses') }}

)

select
    address,
    reason,
    -- Only a person's choice has a topic.
    case when reason in ('unsubscribed', 'resubscribed') then nullif(topic, '') end as topic,
    coalesce(occurred_at, timestamp '0001-01-01') as occurred_at
from (
    select * from landed
    union all
    select * from engaged
    union all
    select * from refused
    union all
    select * from softly_bounced
    union all
    select * from forgotten
) as facts
where address is not null
