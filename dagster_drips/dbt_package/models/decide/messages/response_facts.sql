{{ config(meta={'empty_without': ['raw.engagement']}) }}

-- Most facts are opens and clicks; of the few others only their messages' deliveries are read.
with

responses as {{ materialized() }} (

    select *
    from {{ source('raw', 'engagement') }}
    where type in ('bounced', 'unsubscribed', 'complained', 'resubscribed', 'replied')

),

deliveries as (

    select *
    from {{ source('earlier_sends', 'delivery_log') }}
    where message_id in (select message_id from responses)

),

states as (

    {{ message_states_of('deliveries') }}

)

select
    engagement_id,
    message_id,
    enrollment_id,
    type,
    effective_at,
    address,
    bounce_class,
    topic
from (
    {{ engagement_facts_of('responses', 'states') }}
) as facts
