with

-- An attempt counts on its own day, whatever later days make of its message.
attempt_counts as (

    select
        sequence_id,
        cast(attempted_as_of as date) as day,
        {{ attempt_counts() }}
    from {{ ref('message_attempts') }}
    group by sequence_id, cast(attempted_as_of as date)

),

tried_messages as (

    select
        *,
        cast(sent_as_of as date) as day
    from {{ ref('messages') }}

),

message_counts as (

    select
        sequence_id,
        day,
        {{ message_counts() }}
    from tried_messages
    group by sequence_id, day

),

-- Short delays send one enrollment two messages a day; it counts once, from the first of them.
reached as (

    select
        messages.sequence_id,
        messages.day,
        messages.first_sent_as_of,
        enrollments.status,
        enrollments.converted_at,
        enrollments.conversion_value
    from (
        select
            sequence_id,
            day,
            enrollment_id,
            min(sent_as_of) as first_sent_as_of
        from tried_messages
        where status = 'sent'
        group by sequence_id, day, enrollment_id
    ) as messages
    inner join {{ ref('enrollments') }} as enrollments
        on messages.enrollment_id = enrollments.enrollment_id

),

enrollment_counts as (

    select
        sequence_id,
        day,
        {{ enrollment_counts(is_counted='true', is_converted='converted_at > first_sent_as_of') }}
    from reached
    group by sequence_id, day

)

select
    attempt_counts.sequence_id,
    attempt_counts.day,
    {{ performance_columns() }}
from attempt_counts
left join message_counts
    on
        attempt_counts.sequence_id = message_counts.sequence_id
        and attempt_counts.day = message_counts.day
left join enrollment_counts
    on
        attempt_counts.sequence_id = enrollment_counts.sequence_id
        and attempt_counts.day = enrollment_counts.day
