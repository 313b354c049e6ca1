-- Open spells are the members that the segment had at its last result; where its file is gone, these ended there.
{{ config(meta={'dagster': {'ref': {'name': 'segment_memberships', 'package': 'drips'}}}) }}
with

spells as (

    select
        segment,
        count(case when left_at is null then 1 end) as open_spells,
        count(case when left_at = last_result_at then 1 end) as ended_at_last_result
    from {{ ref('segment_memberships') }}
    group by segment

),

sizes as (

    select
        segment,
        members,
        row_number() over (partition by segment order by day desc) as recency
    from {{ ref('segment_sizes') }}

)

select
    sizes.segment,
    sizes.members,
    spells.open_spells
from sizes
left join spells
    on sizes.segment = spells.segment
where
    sizes.recency = 1
    and sizes.members <> coalesce(spells.open_spells, 0)
    and not (coalesce(spells.open_spells, 0) = 0 and sizes.members <= spells.ended_at_last_result)
