select
    sequence_id,
    lead_id,
    occurrence_id,
    occurred_at,
    decided_at,
    decision,
    enrollment_id,
    arm
from {{ ref('judged_occurrences') }}
where not is_held
