{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='event_id', full_refresh=false, on_schema_change='fail'
) }}

-- What is sold is in `sales`; other properties stay where they landed.
select
    event_id,
    lead_id,
    event,
    occurred_at
from {{ ref('int_moved_events') }}
