{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key=['segment', 'lead_id'], full_refresh=false, on_schema_change='ignore'
) }}

select * from {{ ref('changed_segment_members') }}
