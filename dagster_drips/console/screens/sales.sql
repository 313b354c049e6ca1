-- The page Sales: what was sold and which share of it each sequence is credited with. Currencies are never summed.

-- name: currencies
select
    currency,
    count(*) filter (where not is_refund) as sales
from marts.sales
group by currency
order by sales desc, currency

-- name: totals
select
    count(*) filter (where not is_refund) as sales,
    sum(gross_revenue) as gross_revenue,
    sum(refunds) as refunds,
    sum(net_revenue) as net_revenue
from marts.sales
where currency is not distinct from $currency

-- name: weekly
select
    date_trunc('week', occurred_at) as week,
    cast(sum(net_revenue) as double) as net_revenue
from marts.sales
where currency is not distinct from $currency and occurred_at > (select max(day) from marts.days) - 364
group by week
order by week

-- name: credited
-- By one model; the row without a sequence is what no message has credit for.
select
    coalesce(sequence_id, 'no message') as sequence,
    sum(credit) as sales,
    sum(net_revenue) as net_revenue,
    sum(net_revenue) / nullif(sum(sum(net_revenue)) over (), 0) as share
from marts.sales_attribution
where model = $model and currency is not distinct from $currency
group by sequence_id
order by sequence_id is null, net_revenue desc

-- name: models
-- What sequences are credited with, model beside model.
select
    model,
    sequence_id as sequence,
    sum(net_revenue) as net_revenue
from marts.sales_attribution
where sequence_id is not null and currency is not distinct from $currency
group by all
order by model, sequence

-- name: daily
select
    day,
    sequence_id as sequence,
    cast(sum(net_revenue) as double) as net_revenue
from marts.sequence_revenue_daily
where currency is not distinct from $currency and day > (select max(day) from marts.days) - 90
group by all
order by day, sequence
