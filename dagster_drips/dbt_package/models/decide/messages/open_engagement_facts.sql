{{ config(meta={'empty_without': ['raw.engagement']}) }}

-- Conditions ask of these messages only (M6).
with

messages as {{ materialized() }} (

    select * from {{ ref('open_message_states') }}

),

engagement as (

    select *
    from {{ source('raw', 'engagement') }}
    where
        type in ('opened', 'clicked')
        and message_id in (select message_id from messages)

)

select
    engagement_id,
    message_id,
    enrollment_id,
    step_id,
    type,
    effective_at,
    is_human
from (
    {{ engagement_facts_of('engagement', 'messages') }}
) as facts
