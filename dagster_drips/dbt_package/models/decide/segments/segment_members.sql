-- Who was a member and did not leave, and who entered: most stay from one tick to the next.
with

stayed as (

    select
        before.segment,
        before.lead_id
    from {{ ref('current_segment_members') }} as before
    left join {{ ref('new_segment_changes') }} as changes
        on before.segment = changes.segment and before.lead_id = changes.lead_id
    where
        before.is_member
        and changes.lead_id is null

)

select
    stayed.segment,
    stayed.lead_id
from stayed
inner join (
    {{ listed_segments() }}
) as listed
    on stayed.segment = listed.segment

union all

select
    segment,
    lead_id
from {{ ref('new_segment_changes') }}
where change = 'entered'
