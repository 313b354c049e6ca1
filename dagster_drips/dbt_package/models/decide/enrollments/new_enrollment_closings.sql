select
    enrollment_id,
    {{ as_of() }} as closed_at,
    'exited' as status,
    exit_reason
from (
    select enrollment_id, exit_reason from {{ ref('open_enrollment_exits') }}
    union all
    select enrollment_id, exit_reason from {{ ref('new_enrollment_exits') }}
) as exits
