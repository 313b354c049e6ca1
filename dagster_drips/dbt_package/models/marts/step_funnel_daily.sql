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
