select
    enrollment_id,
    step_id,
    as_of as resolved_at,
    'skipped' as resolution,
    reason
from {{ ref('step_states_now') }}
where state = 'skipped'
