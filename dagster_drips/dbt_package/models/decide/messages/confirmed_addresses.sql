{{ config(materialized='table', meta={'empty_without': ['raw.engagement']}) }}

-- The address is that of the message whose reader said yes, not what the lead is said to have since. A table, as it is asked for
-- with every lead's address and nearly always small.
select distinct
    deliveries.lead_id,
    {{ address('deliveries.recipient') }} as address
from {{ source('raw', 'engagement') }} as engagement
inner join {{ source('earlier_sends', 'delivery_log') }} as deliveries
    on engagement.message_id = deliveries.message_id
where
    engagement.type = 'confirmed'
    and greatest(coalesce(engagement.occurred_at, deliveries.as_of), deliveries.as_of) <= {{ as_of() }}
