select
    events.event_id,
    coalesce(identities.lead_id, events.lead_id) as lead_id,
    events.event,
    events.occurred_at,
    events.received_at,
    events.properties,
    events.number_texts,
    events.value,
    events.currency
from {{ source('raw', 'events') }} as events
left join {{ ref('stg_identities') }} as identities
    on events.lead_id = identities.anonymous_id
where
    events.occurred_at <= {{ as_of() }}
    and coalesce(events.received_at, events.occurred_at) <= {{ as_of() }}
