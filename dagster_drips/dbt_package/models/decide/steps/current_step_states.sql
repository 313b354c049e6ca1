-- Asked by people and by what lives a project forward; no tick reads it.
select
    enrollment_id,
    sequence_id,
    lead_id,
    occurrence_id,
    triggered_at,
    enrolled_at,
    step_id,
    position,
    message_id,
    planned_at,
    scheduled_at,
    detail,
    as_of,
    state,
    reason,
    address,
    sender_email,
    transactional,
    attempt,
    retry_at,
    send_rank
from {{ ref('judged_steps') }}

union all

select
    enrollments.enrollment_id,
    enrollments.sequence_id,
    enrollments.lead_id,
    enrollments.occurrence_id,
    enrollments.triggered_at,
    enrollments.enrolled_at,
    enrollments.step_id,
    enrollments.position,
    enrollments.message_id,
    enrollments.planned_at,
    enrollments.scheduled_at,
    cast(null as varchar) as detail,
    {{ as_of() }} as as_of,
    'waiting' as state,
    case when sequences.is_running then 'not_yet' else 'paused' end as reason,
    case when sequences.confirmation then leads.unconfirmed_address else leads.address end as address,
    sequences.sender_email,
    sequences.transactional,
    1 as attempt,
    cast(null as timestamp) as retry_at,
    cast(null as bigint) as send_rank
from {{ ref('current_enrollments') }} as enrollments
inner join {{ ref('live_sequences') }} as sequences
    on enrollments.sequence_id = sequences.sequence_id
left join {{ ref('stg_mailable_leads') }} as leads
    on enrollments.lead_id = leads.lead_id
left join {{ ref('open_enrollment_exits') }} as exits
    on enrollments.enrollment_id = exits.enrollment_id
where
    enrollments.is_open
    and enrollments.matters_at > {{ as_of() }}
    and exits.enrollment_id is null
