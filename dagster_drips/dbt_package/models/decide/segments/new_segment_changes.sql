{{ config(materialized='table') }}

with

-- Counted, not the latest taken: a tick that was repeated with other data has both changes at one instant.
before as (

    select
        segment,
        lead_id
    from {{ source('earlier', 'segment_changes') }}
    group by segment, lead_id
    having sum(case change when 'entered' then 1 else -1 end) > 0

),

-- The tick before is the last one whose decisions were kept, finished or not: that is what `before` adds up to (E1).
tick_before as (

    select max(as_of) as as_of
    from {{ source('earlier', 'ticks') }}
    where
        phase = 'decided'
        and as_of < {{ as_of() }}

),

-- Only a segment that had a result at the tick before has entries (E1).
comparable as (

    select results.segment
    from {{ source('earlier', 'segment_results') }} as results
    inner join tick_before
        on results.as_of = tick_before.as_of

),

changes as (

    select
        members.segment,
        members.lead_id,
        'entered' as change
    from {{ ref('segment_members') }} as members
    left join before
        on members.segment = before.segment and members.lead_id = before.lead_id
    where before.lead_id is null

    union all

    select
        before.segment,
        before.lead_id,
        'left' as change
    from before
    inner join {{ ref('new_segment_results') }} as results
        on before.segment = results.segment
    left join {{ ref('segment_members') }} as members
        on before.segment = members.segment and before.lead_id = members.lead_id
    where members.lead_id is null

)

select
    changes.segment,
    changes.lead_id,
    {{ as_of() }} as as_of,
    changes.change,
    changes.change = 'entered' and comparable.segment is not null as is_entry
from changes
left join comparable
    on changes.segment = comparable.segment
