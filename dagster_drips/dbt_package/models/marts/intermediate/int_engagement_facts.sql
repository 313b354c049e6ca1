{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='message_id', full_refresh=false, on_schema_change='ignore'
) }}

with

engagement as (

    select *
    from {{ source('raw', 'engagement') }}
    where message_id in (select message_id from {{ ref('int_moved_messages') }})

),

states as (

    select *
    from {{ ref('kept_message_states_after_sending') }}
    where message_id in (select message_id from {{ ref('int_moved_messages') }})

)

select *
from (
    {{ engagement_facts_of('engagement', 'states', also=['variant_id', 'version_id', 'sender']) }}
) as facts
