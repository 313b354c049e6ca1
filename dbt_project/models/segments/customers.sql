with

sales as (

    select
        lead_id,
        max(case when event in ('purchase', 'payment_done') then occurred_at end) as paid_at,
        max(case when event = 'subscription_cancelled' then occurred_at end) as cancelled_at
    from {{ ref('stg_events') }}
    where event in ('purchase', 'payment_done', 'subscription_cancelled')
    group by lead_id

)

select lead_id
from sales
where paid_at is not null and (cancelled_at is null or paid_at > cancelled_at)
