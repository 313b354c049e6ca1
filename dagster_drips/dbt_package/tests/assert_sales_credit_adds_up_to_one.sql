-- Each attribution model shares out every sale once and whole, and its money with it: so shares have a denominator.
{{ config(tags=['ci'], meta={'dagster': {'ref': {'name': 'sales_attribution', 'package': 'drips'}}}) }}
with

models as (

    select *
    from (
        values ('last_click'), ('first_click'), ('last_touch'), ('first_touch'), ('linear'), ('time_decay'), ('position_based')
    ) as models(model)

),

shared as (

    select
        event_id,
        model,
        sum(credit) as credit,
        sum(gross_revenue) as gross_revenue,
        sum(net_revenue) as net_revenue,
        max(gross_revenue - refunds - net_revenue) as difference
    from {{ ref('sales_attribution') }}
    group by event_id, model

),

refunds as (

    select
        order_id,
        currency,
        sum(refunds) as refunds
    from {{ ref('sales') }}
    where is_refund
    group by order_id, currency

)

select
    sales.event_id,
    models.model,
    shared.credit
from {{ ref('sales') }} as sales
cross join models
left join shared
    on
        sales.event_id = shared.event_id
        and models.model = shared.model
left join refunds
    on
        sales.event_id = refunds.order_id
        and sales.currency is not distinct from refunds.currency
where
    not sales.is_refund
    and (
        shared.event_id is null
        or abs(shared.credit - 1) > 0.000001
        or abs(shared.gross_revenue - sales.gross_revenue) > 0.001
        or abs(shared.net_revenue - (sales.gross_revenue - coalesce(refunds.refunds, 0))) > 0.001
        or abs(shared.difference) > 0.001
    )
