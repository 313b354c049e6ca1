-- Orders, conversions and money of a sequence are those of its days, where one currency can be summed at all.
{{ config(meta={'dagster': {'ref': {'name': 'sequence_revenue_daily', 'package': 'drips'}}}) }}
select
    performance.sequence_id,
    performance.orders,
    performance.net_revenue
from {{ ref('sequence_performance') }} as performance
left join (
    select
        sequence_id,
        sum(orders) as orders,
        sum(conversions) as conversions,
        sum(net_revenue) as net_revenue
    from {{ ref('sequence_revenue_daily') }}
    group by sequence_id
) as days
    on performance.sequence_id = days.sequence_id
where
    performance.orders <> coalesce(days.orders, 0)
    or performance.conversions <> coalesce(days.conversions, 0)
    or performance.net_revenue <> coalesce(days.net_revenue, 0)
