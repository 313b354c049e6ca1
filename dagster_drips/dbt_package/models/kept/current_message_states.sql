{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='message_id', full_refresh=false, on_schema_change='ignore'
) }}

select * from {{ ref('changed_message_states') }}
