{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='anonymous_id', full_refresh=false, on_schema_change='ignore'
) }}

select * from {{ ref('changed_identities') }}
