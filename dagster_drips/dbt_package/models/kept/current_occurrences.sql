{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key=['sequence_id', 'occurrence_key'], full_refresh=false, on_schema_change='ignore'
) }}

select * from {{ ref('changed_occurrences') }}
