{{ config(materialized='table') }}

with

news as (

    select
        segment,
        lead_id,
        as_of,
        min(change) as change,
        count(*) as changes
    from {{ source('earlier', 'segment_changes') }}
    where as_of >= {{ since() }}
    group by segment, lead_id, as_of

),

numbered as (

    select
        segment,
        lead_id,
        change,
        max(changes) over (partition by segment, lead_id) as most_at_once,
        row_number() over (partition by segment, lead_id order by as_of desc) as nth_last
    from news

),

-- A tick that was repeated with other data has what it first saw and what took that back, at one instant: all that ever was is counted.
counted as (

    select
        changes.segment,
        changes.lead_id,
        sum(case changes.change when 'entered' then 1 else -1 end) > 0 as is_member
    from {{ source('earlier', 'segment_changes') }} as changes
    inner join numbered
        on changes.segment = numbered.segment and changes.lead_id = numbered.lead_id
    where
        numbered.nth_last = 1
        and numbered.most_at_once > 1
    group by changes.segment, changes.lead_id

)

select
    segment,
    lead_id,
    change = 'entered' as is_member
from numbered
where
    nth_last = 1
    and most_at_once = 1

union all

select
    segment,
    lead_id,
    is_member
from counted
