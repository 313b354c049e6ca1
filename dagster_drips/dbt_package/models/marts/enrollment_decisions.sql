{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key=['sequence_id', 'lead_id', 'occurrence_id'], full_refresh=false, on_schema_change='fail'
) }}

select
    sequence_id,
    lead_id,
    occurrence_id,
    occurred_at,
    decided_at,
    decision,
    enrollment_id,
    arm
from {{ source('journal', 'enrollment_decisions') }}
where decided_at >= {{ since_marts() }}
