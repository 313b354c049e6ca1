select
    enrollment_id,
    sequence_id,
    lead_id,
    occurrence_id,
    triggered_at,
    enrolled_at,
    arm
from (
    {{ enrollments_of(source('earlier', 'enrollment_decisions'), source('earlier', 'enrollment_closings')) }}
) as enrollments
where status = 'active'
