select
    enrollment_id,
    {{ as_of() }} as closed_at,
    'exited' as status,
    exit_reason
from (
    select enrollment_id, exit_reason from {{ ref('exits') }}
    union all
    select enrollment_id, exit_reason from {{ ref('exits_of_new') }}
) as exits
