select
    verdicts.enrollment_id,
    verdicts.sequence_id,
    verdicts.lead_id,
    verdicts.occurrence_id,
    verdicts.occurred_at as triggered_at,
    verdicts.decided_at as enrolled_at,
    verdicts.arm
from {{ source('earlier', 'verdicts') }} as verdicts
left join {{ source('earlier', 'closings') }} as closings
    on verdicts.enrollment_id = closings.enrollment_id
where
    verdicts.decision = 'enrolled'
    and closings.enrollment_id is null
