with

judged as (

    select
        lead_id,
        sequence_id,
        count(*) as occurrences,
        max(decided_at) as last_decided_at,
        max_by(decision, (decided_at, occurred_at, occurrence_id)) as last_decision
    from {{ ref('enrollment_decisions') }}
    group by lead_id, sequence_id

),

enrollment_counts as (

    select
        lead_id,
        sequence_id,
        count(*) as enrollments,
        min(enrolled_at) as first_enrolled_at,
        min(converted_at) as first_converted_at,
        count(converted_at) as converted_enrollments,
        max_by(enrollment_id, (enrolled_at, triggered_at, enrollment_id)) as last_enrollment_id
    from {{ ref('enrollments') }}
    group by lead_id, sequence_id

),

message_counts as (

    select
        lead_id,
        sequence_id,
        max(case when status = 'sent' then sent_as_of end) as last_sent_at,
        max(last_engaged_at) as last_engaged_at,
        {{ message_counts() }}
    from {{ ref('messages') }}
    group by lead_id, sequence_id

)

select
    judged.lead_id,
    judged.sequence_id,
    judged.occurrences,
    judged.last_decision,
    judged.last_decided_at,
    coalesce(enrollment_counts.enrollments, 0) as enrollments,
    enrollment_counts.first_enrolled_at,
    last_enrollments.enrolled_at as last_enrolled_at,
    enrollment_counts.last_enrollment_id,
    last_enrollments.arm,
    last_enrollments.status,
    last_enrollments.exit_reason,
    last_enrollments.closed_at,
    last_enrollments.next_step_id,
    last_enrollments.next_scheduled_at,
    {%- for name in ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'unsubscribed', 'complained', 'replied'] %}
    coalesce(message_counts.{{ name }}, 0) as {{ name }},
    {%- endfor %}
    message_counts.last_sent_at,
    message_counts.last_engaged_at,
    coalesce(enrollment_counts.converted_enrollments, 0) as converted_enrollments,
    enrollment_counts.first_converted_at
from judged
left join enrollment_counts
    on judged.lead_id = enrollment_counts.lead_id and judged.sequence_id = enrollment_counts.sequence_id
left join {{ ref('enrollments') }} as last_enrollments
    on enrollment_counts.last_enrollment_id = last_enrollments.enrollment_id
left join message_counts
    on judged.lead_id = message_counts.lead_id and judged.sequence_id = message_counts.sequence_id
