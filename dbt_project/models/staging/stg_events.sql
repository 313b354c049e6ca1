select
    event_id,
    lead_id,
    event,
    occurred_at,
    received_at,
    properties,
    number_texts,
    value,
    currency
from {{ source('raw', 'events') }}
where
    occurred_at <= {{ as_of() }}
    and coalesce(received_at, occurred_at) <= {{ as_of() }}
