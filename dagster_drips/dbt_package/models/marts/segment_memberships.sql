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

),

-- A segment that has no result at this tick keeps its members while its file is there (E5); when the file is gone, who was in it is
-- known up to its last result.
results as (

    select
        results.segment,
        results.last_result_at,
        current_results.segment is null and failures.segment is null as is_deleted
    from (
        select
            segment,
            max(as_of) as last_result_at
        from {{ source('journal', 'segment_results') }}
        group by segment
    ) as results
    left join {{ ref('new_segment_results') }} as current_results
        on results.segment = current_results.segment
    left join (
        select distinct segment from {{ source('raw', 'segment_failures') }}
        where is_missing is distinct from true
    ) as failures
        on results.segment = failures.segment

)

select
    changes.segment,
    changes.lead_id,
    changes.as_of as entered_at,
    case
        when changes.next_change_as_of is not null then changes.next_change_as_of
        when results.is_deleted then results.last_result_at
    end as left_at,
    results.last_result_at
from changes
left join results
    on changes.segment = results.segment
where changes.change = 'entered'
