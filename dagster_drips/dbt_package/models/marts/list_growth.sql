-- An address that several reasons keep from mail has left once, with the first of them, and is back when the last is lifted.
with

joined as (

    select
        address,
        joined_at
    from {{ ref('consent') }}
    where
        topic is null
        and joined_at is not null
        and status <> 'unconfirmed'

),

-- What held before an address came takes it off the list as it comes.
spells as (

    select
        spells.address,
        spells.reason,
        spells.precedence,
        greatest(spells.began_at, joined.joined_at) as left_at,
        coalesce(spells.lifted_at, timestamp '9999-12-31') as lifted_at
    from {{ ref('int_suppression_spells') }} as spells
    inner join joined
        on spells.address = joined.address
    where
        spells.topic is null
        and coalesce(spells.lifted_at, timestamp '9999-12-31') > joined.joined_at

),

placed as (

    select
        *,
        row_number() over (partition by address order by left_at, precedence) as place,
        max(lifted_at) over (
            partition by address
            order by left_at, precedence
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from spells

),

absences as (

    select
        address,
        left_at,
        reason,
        absence,
        place,
        max(lifted_at) over (partition by address, absence) as returned_at,
        row_number() over (partition by address, absence order by place) as nth
    from (
        select
            *,
            sum(case when covered_until is null or left_at > covered_until then 1 else 0 end) over (
                partition by address
                order by place
                rows between unbounded preceding and current row
            ) as absence
        from placed
    ) as numbered

),

changes as (

    select
        cast(joined_at as date) as day,
        'joined' as change,
        count(*) as addresses
    from joined
    group by 1

    union all

    select
        cast(left_at as date) as day,
        reason as change,
        count(*) as addresses
    from absences
    where nth = 1
    group by 1, 2

    union all

    select
        cast(returned_at as date) as day,
        'returned' as change,
        count(*) as addresses
    from absences
    where nth = 1 and returned_at < timestamp '9999-12-31'
    group by 1

),

daily as (

    select
        day
        {%- for change in ['joined', 'returned', 'unsubscribed', 'bounced', 'complained', 'manual'] %},
        cast(coalesce(sum(case when change = '{{ change }}' then addresses end), 0) as bigint) as {{ change }}
        {%- endfor %}
    from changes
    group by day

)

select
    day,
    joined,
    returned,
    unsubscribed,
    bounced,
    complained,
    manual,
    joined + returned - unsubscribed - bounced - complained - manual as net_growth,
    cast(
        sum(joined + returned - unsubscribed - bounced - complained - manual) over (
            order by day rows between unbounded preceding and current row
        ) as bigint
    ) as addresses
from daily
