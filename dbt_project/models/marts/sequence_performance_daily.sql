with

sent_messages as (

    select
        *,
        cast(sent_as_of as date) as day
    from {{ ref('messages') }}
    where status = 'sent'

),

message_counts as (

    select
        sequence_id,
        day,
        {{ message_counts() }}
    from sent_messages
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
        from sent_messages
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
    message_counts.sequence_id,
    message_counts.day,
    {{ performance_columns() }}
from message_counts
left join enrollment_counts
    on
        message_counts.sequence_id = enrollment_counts.sequence_id
        and message_counts.day = enrollment_counts.day
