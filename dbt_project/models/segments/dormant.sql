with

activity as (

    select
        lead_id,
        max(occurred_at) as last_active_at,
        max(case when event in ('login', 'feature_used', 'trial_started') then 1 else 0 end) as has_used,
        max(case when event in ('purchase', 'payment_done', 'subscription_cancelled') then 1 else 0 end) as has_dealt
    from {{ ref('stg_events') }}
    group by lead_id

)

select lead_id
from activity
where
    has_used = 1
    and has_dealt = 0
    and last_active_at <= {{ as_of() }} - interval '30 days'
