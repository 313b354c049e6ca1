with

changes as (

    select
        cast(nullif(began_at, timestamp '0001-01-01') as date) as day,
        reason,
        topic,
        source,
        1 as began,
        0 as lifted
    from {{ ref('int_suppression_spells') }}

    union all

    select
        cast(lifted_at as date) as day,
        reason,
        topic,
        source,
        0 as began,
        1 as lifted
    from {{ ref('int_suppression_spells') }}
    where lifted_at is not null

),

daily as (

    select
        day,
        reason,
        topic,
        source,
        cast(sum(began) as bigint) as began,
        cast(sum(lifted) as bigint) as lifted
    from changes
    group by day, reason, topic, source

)

-- What holds from the start stands before all days.
select
    day,
    reason,
    topic,
    source,
    began,
    lifted,
    cast(
        sum(began - lifted) over (
            partition by reason, topic, source
            order by day nulls first
            rows between unbounded preceding and current row
        ) as bigint
    ) as suppressed
from daily
