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
select
    day,
    unnest(['entered', 'left']) as change,
    unnest([entered, -"left"]) as leads
from marts.segment_sizes
where segment = $segment and day > (select max(day) from marts.days) - 180
order by day, change

-- name: overlap
-- Of the members of one, the share that is in the other as well.
with

members as (

    select distinct
        segment,
        lead_id
    from marts.segment_memberships
    where left_at is null

),

sizes as (

    select
        segment,
        count(*) as members
    from members
    group by segment

),

pairs as (

    select
        one.segment as segment,
        other.segment as other,
        count(*) as leads
    from members as one
    inner join members as other
        on one.lead_id = other.lead_id
    group by all

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
