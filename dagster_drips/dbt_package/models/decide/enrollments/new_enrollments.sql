select
    enrollment_id,
    sequence_id,
    lead_id,
    occurrence_id,
    occurred_at as triggered_at,
    decided_at as enrolled_at,
    arm
from {{ ref('new_enrollment_decisions') }}
where decision = 'enrolled'
