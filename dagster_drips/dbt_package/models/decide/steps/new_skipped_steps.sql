select
    enrollment_id,
    step_id,
    as_of as resolved_at,
    'skipped' as resolution,
    reason,
    case when reason = 'declined' then detail end as detail
from {{ ref('judged_steps') }}
where state = 'skipped'
