{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key=['event_id', 'anonymous_id'], full_refresh=false, on_schema_change='ignore'
) }}

select * from {{ ref('new_identity_links') }}
