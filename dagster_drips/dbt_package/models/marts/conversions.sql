with

orders as (

    {{ orders_of(ref('enrollments_after_sending'), ref('matched_events'), also=['sequence_id', 'lead_id', 'arm', 'triggered_at']) }}

),

-- Of two goal events at one instant the first by id is the conversion.
ranked as (

    select
        *,
        row_number() over (partition by enrollment_id order by occurred_at, event_id) = 1 as is_first
    from orders

),

-- One event converts every enrollment it falls into (L2); summed over a sequence it counts for the latest of these.
counted as (

    select
        *,
        row_number() over (
            partition by sequence_id, arm, event_id
            order by is_first desc, triggered_at desc, enrollment_id
        ) = 1 as is_counted
    from ranked

),

refunds as (

    select
        order_id,
        currency,
        sum(refunds) as refunds
    from {{ ref('sales') }}
    where is_refund and order_id is not null
    group by order_id, currency

)

select
    counted.enrollment_id,
    counted.event_id,
    counted.sequence_id,
    counted.lead_id,
    counted.arm,
    counted.occurred_at,
    counted.is_first,
    counted.is_counted,
    events.value,
    events.currency,
    cast(case when events.value is not null then coalesce(refunds.refunds, 0) end as decimal(38, 4)) as refunds
from counted
left join {{ ref('stg_events') }} as events
    on counted.event_id = events.event_id
left join refunds
    on
        counted.event_id = refunds.order_id
        and events.currency is not distinct from refunds.currency
