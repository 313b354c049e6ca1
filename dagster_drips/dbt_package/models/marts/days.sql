with

-- What is dated before 2000 is a mistake of its source, and no reason for thousands of empty days.
bounds as (

    select
        greatest(min(cast(first_at as date)), cast('2000-01-01' as date)) as first_day,
        cast({{ as_of() }} as date) as last_day
    from (
        select as_of as first_at from {{ source('raw', 'tick') }}
        union all
        select min(as_of) as first_at from {{ source('journal', 'ticks') }}
        union all
        select min(triggered_at) as first_at from {{ ref('enrollments') }}
        union all
        select min(occurred_at) as first_at from {{ ref('sales') }}
    ) as firsts

),

numbers as (

    select
        first_day,
        {{ whole_numbers('0', days_between('first_day', 'last_day')) }} as nth
    from bounds

)

select first_day + cast(nth as integer) as day
from numbers
