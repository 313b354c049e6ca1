with

judged as (

    select
        lead_id,
        sequence_id,
        decision,
        decided_at,
        count(*) over (partition by lead_id, sequence_id) as occurrences,
        row_number() over (
            partition by lead_id, sequence_id
            order by decided_at desc, occurred_at desc, occurrence_id desc
        ) as recency
    from {{ ref('enrollment_decisions') }}

),

enrollment_counts as (

    select
        lead_id,
        sequence_id,
        count(*) as enrollments,
        min(enrolled_at) as first_enrolled_at,
        min(converted_at) as first_converted_at,
        count(converted_at) as converted_enrollments
    from {{ ref('enrollments') }}
    group by lead_id, sequence_id

),

last_enrollments as (

    select *
    from (
        select
            *,
            row_number() over (
                partition by lead_id, sequence_id
                order by enrolled_at desc, triggered_at desc, enrollment_id desc
            ) as recency
        from {{ ref('enrollments') }}
    ) as ranked
    where recency = 1

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
    judged.decision as last_decision,
    judged.decided_at as last_decided_at,
    coalesce(enrollment_counts.enrollments, 0) as enrollments,
    enrollment_counts.first_enrolled_at,
    last_enrollments.enrolled_at as last_enrolled_at,
    last_enrollments.enrollment_id as last_enrollment_id,
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
left join last_enrollments
    on judged.lead_id = last_enrollments.lead_id and judged.sequence_id = last_enrollments.sequence_id
left join message_counts
    on judged.lead_id = message_counts.lead_id and judged.sequence_id = message_counts.sequence_id
where judged.recency = 1
