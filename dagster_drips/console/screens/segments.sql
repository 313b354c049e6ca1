-- The page Segments: how large they are and were, who came and went, who is in two of them.

-- name: now
select
    segment,
    max_by(members, day) as members,
    cast(sum(entered) filter (where day > last.last_day - 7) as bigint) as entered,
    cast(sum("left") filter (where day > last.last_day - 7) as bigint) as gone
from marts.segment_sizes
cross join (select max(day) as last_day from marts.days) as last
group by segment
order by members desc, segment

-- name: sizes
-- One row a segment and day, a size held until the next.
select
    day,
    segment,
    members
from marts.segment_sizes
where day > (select max(day) from marts.days) - 180
order by day, segment

-- name: changes
-- Without its first day, on which everybody who was a member then entered: beside that nothing could be seen.
select
    day,
    unnest(['entered', 'left']) as change,
    unnest([entered, -"left"]) as leads
from marts.segment_sizes
where
    segment = $segment
    and day > (select max(day) from marts.days) - 180
    and day > (select min(first.day) from marts.segment_sizes as first where first.segment = $segment)
order by day, change

-- name: overlap
-- Of the members of one, the share that is in the other as well. People with the same segments are counted once, together.
with

combinations as (

    select
        row_number() over () as combination,
        segments,
        count(*) as leads
    from marts.lead_profiles
    where len(segments) > 0
    group by segments

),

members as (

    select
        combination,
        unnest(segments) as segment,
        leads
    from combinations

),

sizes as (

    select
        segment,
        cast(sum(leads) as bigint) as members
    from members
    group by segment

),

pairs as (

    select
        one.segment,
        other.segment as other,
        cast(sum(one.leads) as bigint) as leads
    from members as one
    inner join members as other
        on one.combination = other.combination
    group by one.segment, other.segment

)

select
    sizes.segment,
    others.segment as other,
    coalesce(pairs.leads, 0) as leads,
    coalesce(pairs.leads, 0) / sizes.members as share
from sizes
cross join sizes as others
left join pairs
    on sizes.segment = pairs.segment
    and others.segment = pairs.other
order by sizes.segment, other
