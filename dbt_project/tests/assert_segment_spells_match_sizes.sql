-- Open spells are the members that the segment had at its last result, where it still is one.
{{ config(meta={'dagster': {'ref': {'name': 'segment_memberships'}}}) }}
with

spells as (

    select
        segment,
        count(*) as members
    from {{ ref('segment_memberships') }}
    where left_at is null
    group by segment

),

sizes as (

    select
        sizes.segment,
        sizes.members,
        row_number() over (partition by sizes.segment order by sizes.day desc) as recency
    from {{ ref('segment_sizes') }} as sizes
    inner join {{ ref('new_segment_results') }} as current_results
        on sizes.segment = current_results.segment

)

select
    sizes.segment,
    sizes.members,
    spells.members as spells
from sizes
left join spells
    on sizes.segment = spells.segment
where
    sizes.recency = 1
    and sizes.members <> coalesce(spells.members, 0)
