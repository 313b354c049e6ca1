{{ config(materialized='table') }}

with

changes as (

    select
        segment,
        sum(case change when 'entered' then 1 else -1 end) as members
    from {{ ref('new_segment_changes') }}
    group by segment

),

before as (

    select
        segment,
        count(*) as members
    from {{ ref('current_segment_members') }}
    where is_member
    group by segment

)

select
    listed.segment,
    {{ as_of() }} as as_of,
    cast(coalesce(before.members, 0) + coalesce(changes.members, 0) as bigint) as members,
    case when refreshes.is_due then {{ as_of() }} else coalesce(refreshes.refreshed_at, {{ as_of() }}) end as refreshed_at
from (
    {{ listed_segments() }}
) as listed
left join before
    on listed.segment = before.segment
left join changes
    on listed.segment = changes.segment
left join {{ ref('segment_refreshes') }} as refreshes
    on listed.segment = refreshes.segment
