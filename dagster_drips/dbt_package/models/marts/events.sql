-- What is sold is in `sales`; other properties stay where they landed.
select
    event_id,
    lead_id,
    event,
    occurred_at
from {{ ref('stg_events') }}
