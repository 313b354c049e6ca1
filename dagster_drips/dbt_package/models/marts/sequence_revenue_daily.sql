-- Control is sent nothing, so what it does by itself is not the sequence's success.
select
    sequence_id,
    cast(occurred_at as date) as day,
    currency,
    count(case when is_first then 1 end) as conversions,
    cast(coalesce(sum(case when is_first then value end), 0) as decimal(38, 4)) as revenue,
    count(*) as orders,
    cast(coalesce(sum(value), 0) as decimal(38, 4)) as gross_revenue,
    cast(coalesce(sum(refunds), 0) as decimal(38, 4)) as refunds,
    cast(coalesce(sum(value), 0) - coalesce(sum(refunds), 0) as decimal(38, 4)) as net_revenue
from {{ ref('conversions') }}
where
    arm = 'treatment'
    and is_counted
group by sequence_id, cast(occurred_at as date), currency
