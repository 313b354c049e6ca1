with

started as (

    select distinct lead_id
    from {{ ref('stg_events') }}
    where
        event in (
            'login', 'feature_used', 'trial_started', 'demo_requested',
            'purchase', 'payment_done', 'subscription_cancelled'
        )

)

select leads.lead_id
from {{ ref('stg_leads') }} as leads
left join started
    on leads.lead_id = started.lead_id
where
    started.lead_id is null
    and leads.created_at <= {{ as_of() }} - interval '21 days'
