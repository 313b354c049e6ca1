-- Of all other sales the credit is what it was. A lead's answers may have changed the credit of any of its sales.
select sales.event_id
from {{ ref('sales') }} as sales
where
    not sales.is_refund
    and (
        sales.event_id in (select event_id from {{ ref('int_moved_events') }})
        or sales.event_id in (
            select refunds.order_id
            from {{ ref('sales') }} as refunds
            where
                refunds.is_refund
                and refunds.event_id in (select event_id from {{ ref('int_moved_events') }})
        )
        or sales.lead_id in (
            select lead_id
            from {{ ref('int_engagement_facts') }}
            where message_id in (select message_id from {{ ref('int_moved_messages') }})
        )
    )
