{#- Wishes not to be mailed, or to be mailed again, from landed lists, engagement and refusals alike (L3): one row a fact. A wish without a
    readable time holds from the start. `engagement_facts` and `states` say what is known of messages. -#}
{% macro suppression_facts_of(engagement_facts, states) -%}
    with

    landed as (

        select
            {{ address('email') }} as address,
            case
                when reason in ('unsubscribed', 'bounced', 'complained', 'resubscribed') then reason
                else 'manual'
            end as reason,
            topic,
            occurred_at,
            'list' as source,
            {{ no_text() }} as message_id
        from {{ source('raw', 'suppressions') }}

    ),

    engaged as (

        select
            address,
            type as reason,
            topic,
            effective_at as occurred_at,
            'message' as source,
            message_id
        from {{ engagement_facts }}
        where
            type in ('unsubscribed', 'complained', 'resubscribed')
            or (type = 'bounced' and bounce_class <> 'soft')

    ),

    -- A server that refuses a recipient for good bounces it there and then.
    refused as (

        select
            address,
            'bounced' as reason,
            {{ no_text() }} as topic,
            refused_at as occurred_at,
            'server' as source,
            message_id
        from {{ states }}
        where refused_at is not null

    ),

    softly_bounced as (

        select
            address,
            'bounced' as reason,
            {{ no_text() }} as topic,
            bounced_out_at as occurred_at,
            'soft_bounces' as source,
            {{ no_text() }} as message_id
        from {{ ref('soft_bounced_addresses') }}

    ),

    -- Whom somebody asked to forget is not mailed again, landed anew or not.
    forgotten as (

        select
            address,
            'manual' as reason,
            {{ no_text() }} as topic,
            cast(null as timestamp) as occurred_at,
            'forgotten' as source,
            {{ no_text() }} as message_id
        from {{ ref('forgotten_addresses') }}

    )

    select
        address,
        reason,
        -- Only a person's choice has a topic.
        case when reason in ('unsubscribed', 'resubscribed') then nullif(topic, '') end as topic,
        coalesce(occurred_at, timestamp '0001-01-01') as occurred_at,
        source,
        message_id
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
{%- endmacro %}
