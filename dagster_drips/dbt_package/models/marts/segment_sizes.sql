with

lasting as (

    {{ lasting_segment_changes() }}

),

-- Days with a result have a row, also when nobody came or went.
days as (

    select distinct
        segment,
        cast(as_of as date) as day
    from {{ source('journal', 'segment_results') }}

),

daily_changes as (

    select
        segment,
        cast(as_of as date) as day,
        count(case when change = 'entered' then 1 end) as entered,
        count(case when change = 'left' then 1 end) as left_count
    from lasting
    group by segment, cast(as_of as date)

)

-- Members are who entered less who left: what the journal counted at a tick doesn't know what its repetition saw.
select
    days.segment,
    days.day,
    cast(
        sum(coalesce(daily_changes.entered, 0) - coalesce(daily_changes.left_count, 0))
            over (partition by days.segment order by days.day)
        as bigint
    ) as members,
    coalesce(daily_changes.entered, 0) as entered,
    coalesce(daily_changes.left_count, 0) as {{ adapter.quote('left') }}
from days
left join daily_changes
    on days.segment = daily_changes.segment and days.day = daily_changes.day
