with

sales as (

    select
        event_id,
        lead_id,
        occurred_at,
        gross_revenue as value,
        currency
    from {{ ref('sales') }}
    where not is_refund

),

-- Messages that the buyer opened or clicked in the days before: one row per sale and message.
touched as (

    select
        sales.event_id,
        sales.lead_id,
        sales.value,
        sales.currency,
        sales.occurred_at,
        touches.message_id,
        touches.sequence_id,
        min(touches.effective_at) as first_touched_at,
        max(touches.effective_at) as last_touched_at
    from sales
    inner join {{ ref('int_engagement_facts') }} as touches
        on
            sales.lead_id = touches.lead_id
            and touches.type in ('opened', 'clicked')
            and touches.is_human
            and touches.effective_at <= sales.occurred_at
            and touches.effective_at >= {{ add_seconds('sales.occurred_at', -86400 * var('attribution_days', 30)) }}
    group by
        sales.event_id,
        sales.lead_id,
        sales.value,
        sales.currency,
        sales.occurred_at,
        touches.message_id,
        touches.sequence_id

),

ranked as (

    select
        *,
        row_number() over (partition by event_id order by first_touched_at, message_id) as from_first,
        row_number() over (partition by event_id order by last_touched_at desc, message_id desc) as from_last,
        count(*) over (partition by event_id) as touches
    from touched

),

credited as (

    select
        *,
        'first_touch' as model,
        cast(1 as double) as credit
    from ranked
    where from_first = 1

    union all

    select
        *,
        'last_touch' as model,
        cast(1 as double) as credit
    from ranked
    where from_last = 1

    union all

    select
        *,
        'linear' as model,
        cast(1 as double) / touches as credit
    from ranked

)

select
    event_id,
    lead_id,
    message_id,
    sequence_id,
    model,
    credit,
    credit * cast(value as double) as revenue,
    occurred_at,
    first_touched_at,
    last_touched_at,
    currency
from credited
