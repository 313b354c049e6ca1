with

results as (

    select
        segment,
        cast(as_of as date) as day,
        members,
        row_number() over (partition by segment, cast(as_of as date) order by as_of desc) as recency
    from {{ source('journal', 'segment_results') }}

),

changes as (

    select
        segment,
        cast(as_of as date) as day,
        count(case when change = 'entered' then 1 end) as entered,
        count(case when change = 'left' then 1 end) as left_count
    from {{ source('journal', 'segment_changes') }}
    group by segment, cast(as_of as date)

)

select
    results.segment,
    results.day,
    results.members,
    coalesce(changes.entered, 0) as entered,
    coalesce(changes.left_count, 0) as "left"
from results
left join changes
    on results.segment = changes.segment and results.day = changes.day
where results.recency = 1
