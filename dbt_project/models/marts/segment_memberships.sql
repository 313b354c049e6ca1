with

lasting as (

    {{ lasting_segment_changes() }}

),

-- Of one lead in one segment, each change ends what the one before began.
changes as (

    select
        segment,
        lead_id,
        change,
        as_of,
        lead(as_of) over (partition by segment, lead_id order by as_of) as next_change_as_of
    from lasting

)

select
    segment,
    lead_id,
    as_of as entered_at,
    next_change_as_of as left_at
from changes
where change = 'entered'
