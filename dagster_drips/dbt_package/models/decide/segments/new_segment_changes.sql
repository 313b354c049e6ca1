{{ config(materialized='table') }}

with

before as (

    select
        segment,
        lead_id
    from {{ ref('current_segment_members') }}
    where is_member

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

-- Of a segment without a result at this tick nobody leaves (E5).
changes as (

    select distinct
        coalesce(selected.segment, before.segment) as segment,
        coalesce(selected.lead_id, before.lead_id) as lead_id,
        case when before.lead_id is null then 'entered' else 'left' end as change
    from {{ ref('selected_members') }} as selected
    full outer join before
        on selected.segment = before.segment and selected.lead_id = before.lead_id
    where
        before.lead_id is null
        or (
            selected.lead_id is null
            and before.segment in (
                {{ listed_segments() }}
            )
        )

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
