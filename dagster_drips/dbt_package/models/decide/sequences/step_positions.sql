-- Where each step stands that a sequence has or ever had; a retired one right after the step it last stood after (M1).
with recursive

anchored as (

    select
        sequence_id,
        step_id,
        cast(position as integer) as position,
        true as is_live
    from {{ source('raw', 'sequence_steps') }}

    union all

    select
        retired.sequence_id,
        retired.step_id,
        anchored.position,
        false as is_live
    from {{ source('raw', 'retired_steps') }} as retired
    inner join anchored
        on retired.sequence_id = anchored.sequence_id and retired.stood_after = anchored.step_id

)

select * from anchored

union all

-- Retired steps that stood first, and those behind them, come before every live one.
select
    retired.sequence_id,
    retired.step_id,
    0 as position,
    false as is_live
from {{ source('raw', 'retired_steps') }} as retired
left join anchored
    on retired.sequence_id = anchored.sequence_id and retired.step_id = anchored.step_id
where anchored.step_id is null
