with

sales as (

    select * from {{ ref('stg_events') }}
    where value is not null

)

-- A refund follows its order: it is the order's buyer who has it, and its currency where it names none.
select
    sales.event_id,
    coalesce(orders.lead_id, sales.lead_id) as lead_id,
    sales.event,
    sales.occurred_at,
    sales.is_refund,
    case when sales.is_refund then orders.event_id else sales.event_id end as order_id,
    coalesce(sales.currency, orders.currency) as currency,
    cast(case when sales.is_refund then 0 else sales.value end as decimal(18, 4)) as gross_revenue,
    cast(case when sales.is_refund then abs(sales.value) else 0 end as decimal(18, 4)) as refunds,
    cast(case when sales.is_refund then -abs(sales.value) else sales.value end as decimal(18, 4)) as net_revenue
from sales
left join sales as orders
    on
        sales.refund_of = orders.event_id
        and not orders.is_refund
