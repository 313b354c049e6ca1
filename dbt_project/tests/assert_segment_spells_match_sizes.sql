-- Open spells are the members that the segment had at its last result.
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
        segment,
        members,
        row_number() over (partition by segment order by day desc) as recency
    from {{ ref('segment_sizes') }}

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
