{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='event_id', full_refresh=false, on_schema_change='fail'
) }}

{%- set models = ['last_click', 'first_click', 'last_touch', 'first_touch', 'linear', 'time_decay', 'position_based'] -%}
with

-- One row: how long before a sale a click or an open still counts for it, and the half-life of `time_decay`.
windows as (

    select
        coalesce(attribution_click_seconds, 86400 * {{ var('attribution_days', 5) }}) as click_seconds,
        coalesce(attribution_open_seconds, 86400 * {{ var('attribution_days', 5) }}) as open_seconds,
        attribution_half_life_seconds as half_life_seconds
    from {{ source('raw', 'project_settings') }}

),

models as (

    select *
    from (
        values
        {% for model in models -%}
        ('{{ model }}', {{ 'true' if model.endswith('_click') else 'false' }}){{ ',' if not loop.last }}
        {% endfor -%}
    ) as models(model, is_of_clicks)

),

refunds as (

    select
        order_id,
        currency,
        sum(refunds) as refunds
    from {{ ref('sales') }}
    where
        is_refund
        and order_id is not null
    group by order_id, currency

),

-- A refund counts with its order, whenever it came, and in its currency.
sales as (

    select
        sales.event_id,
        sales.lead_id,
        sales.occurred_at,
        sales.currency,
        cast(sales.gross_revenue as {{ double_type() }}) as gross_revenue,
        cast(coalesce(refunds.refunds, 0) as {{ double_type() }}) as refunds,
        -- NULL where the window is 0 long: then none counts, not even one at the sale's own instant.
        {{ add_seconds('sales.occurred_at', '-nullif(windows.click_seconds, 0)') }} as clicks_since,
        {{ add_seconds('sales.occurred_at', '-nullif(windows.open_seconds, 0)') }} as opens_since
    from {{ ref('sales') }} as sales
    cross join windows
    left join refunds
        on
            sales.event_id = refunds.order_id
            and sales.currency is not distinct from refunds.currency
    where
        not sales.is_refund
        and sales.event_id in (select event_id from {{ ref('int_moved_sales') }})

),

-- Messages that the buyer, a person, opened or clicked in time: one row per sale and message.
touched as (

    select
        sales.event_id,
        touches.message_id,
        touches.sequence_id,
        touches.step_id,
        min(touches.effective_at) as first_touched_at,
        max(touches.effective_at) as last_touched_at,
        min(case when touches.type = 'clicked' then touches.effective_at end) as first_clicked_at,
        max(case when touches.type = 'clicked' then touches.effective_at end) as last_clicked_at
    from sales
    inner join {{ ref('int_engagement_facts') }} as touches
        on
            sales.lead_id = touches.lead_id
            and touches.type in ('opened', 'clicked')
            and touches.is_human
            and touches.effective_at <= sales.occurred_at
            and touches.effective_at >= case touches.type when 'clicked' then sales.clicks_since else sales.opens_since end
    group by
        sales.event_id,
        touches.message_id,
        touches.sequence_id,
        touches.step_id

),

-- Of two messages at one instant the first is the first by id, the last the last.
placed as (

    select
        *,
        row_number() over (partition by event_id order by first_touched_at, message_id) = 1 as is_first_touch,
        row_number() over (partition by event_id order by last_touched_at desc, message_id desc) = 1 as is_last_touch,
        first_clicked_at is not null
        and row_number() over (partition by event_id order by first_clicked_at nulls last, message_id) = 1 as is_first_click,
        last_clicked_at is not null
        and row_number() over (partition by event_id order by last_clicked_at desc nulls last, message_id desc) = 1 as is_last_click,
        count(*) over (partition by event_id) as messages,
        -- Before the last touch and not before the sale, which makes no difference to shares: so the last one's weight is 1, and no sum is 0.
        power(
            0.5,
            {{ seconds_between('last_touched_at', 'max(last_touched_at) over (partition by event_id)') }} / windows.half_life_seconds
        ) as decayed_weight
    from touched
    cross join windows

),

-- Messages in between are neither the first nor the last; one may be both.
counted as (

    select
        *,
        sum(decayed_weight) over (partition by event_id) as decayed_weights,
        count(case when not is_first_touch and not is_last_touch then 1 end) over (partition by event_id) as messages_between
    from placed

),

shared as (

    select
        *,
        case when is_last_click then 1.0 else 0.0 end as last_click,
        case when is_first_click then 1.0 else 0.0 end as first_click,
        case when is_last_touch then 1.0 else 0.0 end as last_touch,
        case when is_first_touch then 1.0 else 0.0 end as first_touch,
        1.0 / messages as linear,
        decayed_weight / decayed_weights as time_decay,
        -- 40 % to either end and 20 % to those in between; where none is in between, a half to either.
        case
            when not is_first_touch and not is_last_touch then 0.2 / messages_between
            else
                (case when is_first_touch then 1 else 0 end + case when is_last_touch then 1 else 0 end)
                * case when messages_between > 0 then 0.4 else 0.5 end
        end as position_based
    from counted

),

credited as (

    select
        shared.*,
        models.model,
        cast(
            case models.model
                {% for model in models -%}
                when '{{ model }}' then shared.{{ model }}
                {% endfor -%}
            end as {{ double_type() }}
        ) as credit
    from shared
    cross join models

),

reached as (

    select
        event_id,
        count(last_clicked_at) > 0 as is_clicked
    from touched
    group by event_id

),

-- What no message has credit for is a row too, or shares would have no denominator.
uncredited as (

    select
        sales.*,
        models.model
    from sales
    left join reached
        on sales.event_id = reached.event_id
    inner join models
        on
            reached.event_id is null
            or (models.is_of_clicks and not reached.is_clicked)

)

select
    sales.event_id,
    sales.lead_id,
    credited.message_id,
    credited.sequence_id,
    cast(credited.model as {{ text_type() }}) as model,
    credited.credit,
    credited.credit * sales.gross_revenue as revenue,
    sales.occurred_at,
    credited.first_touched_at,
    credited.last_touched_at,
    sales.currency,
    credited.step_id,
    cast(case when credited.last_clicked_at is null then 'opened' else 'clicked' end as {{ text_type() }}) as touch,
    credited.first_clicked_at,
    credited.last_clicked_at,
    credited.credit * sales.gross_revenue as gross_revenue,
    credited.credit * sales.refunds as refunds,
    credited.credit * (sales.gross_revenue - sales.refunds) as net_revenue
from credited
inner join sales
    on credited.event_id = sales.event_id
where credited.credit > 0

union all

select
    event_id,
    lead_id,
    {{ no_text() }} as message_id,
    {{ no_text() }} as sequence_id,
    cast(model as {{ text_type() }}) as model,
    cast(1 as {{ double_type() }}) as credit,
    gross_revenue as revenue,
    occurred_at,
    cast(null as timestamp) as first_touched_at,
    cast(null as timestamp) as last_touched_at,
    currency,
    {{ no_text() }} as step_id,
    cast('none' as {{ text_type() }}) as touch,
    cast(null as timestamp) as first_clicked_at,
    cast(null as timestamp) as last_clicked_at,
    gross_revenue,
    refunds,
    gross_revenue - refunds as net_revenue
from uncredited
