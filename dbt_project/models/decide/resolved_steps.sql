-- Steps that are done with: sent, skipped, or failed for good (M1).
select
    enrollment_id,
    step_id,
    sent_as_of as resolved_at,
    status as resolution
from {{ ref('message_states') }}
where status in ('sent', 'failed')

union all

select
    enrollment_id,
    step_id,
    resolved_at,
    resolution
from {{ source('earlier', 'resolutions') }}
