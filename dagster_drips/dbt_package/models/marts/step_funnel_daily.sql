with

-- Of a day on which several ticks were taken for the last, since somebody went back in time, the latest counts.
day_ends as (

    select
        cast(as_of as date) as day,
        max(as_of) as as_of
    from {{ source('journal', 'waiting_steps') }}
    where cast(as_of as date) < cast({{ as_of() }} as date)
    group by cast(as_of as date)

)

select
    sequence_id,
    step_id,
    position,
    cast(decided_at as date) as day,
    state,
    reason,
    count(*) as steps
from {{ ref('step_decisions') }}
group by sequence_id, step_id, position, cast(decided_at as date), state, reason

union all

-- What waits at this tick stands above; of the days before it is kept what their last ticks left.
select
    waiting.sequence_id,
    waiting.step_id,
    positions.position,
    day_ends.day,
    waiting.state,
    waiting.reason,
    waiting.steps
from {{ source('journal', 'waiting_steps') }} as waiting
inner join day_ends
    on waiting.as_of = day_ends.as_of
left join {{ ref('step_positions') }} as positions
    on waiting.sequence_id = positions.sequence_id and waiting.step_id = positions.step_id
