select
    enrollment_id,
    sequence_id,
    lead_id,
    occurrence_id,
    triggered_at,
    enrolled_at,
    arm
from {{ ref('current_enrollments') }}
where is_open
