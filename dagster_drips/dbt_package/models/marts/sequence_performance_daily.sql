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
        enrollments.enrollment_id,
        enrollments.lead_id,
        enrollments.status,
        enrollments.has_goal
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
        {{ enrollment_counts(is_counted='true') }}
    from reached
    group by sequence_id, day

),

-- What was bought after the day's first message to that enrollment.
followed as (

    select
        reached.sequence_id,
        reached.day,
        conversions.event_id,
        conversions.lead_id,
        conversions.is_first,
        conversions.value,
        conversions.currency,
        conversions.refunds
    from reached
    inner join {{ ref('conversions') }} as conversions
        on
            reached.enrollment_id = conversions.enrollment_id
            and conversions.occurred_at > reached.first_sent_as_of

),

order_counts as (

    select
        sequence_id,
        day,
        {{ order_counts() }}
    from (
        {{ orders_once(['sequence_id', 'day'], 'followed') }}
    ) as orders
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
left join order_counts
    on
        attempt_counts.sequence_id = order_counts.sequence_id
        and attempt_counts.day = order_counts.day
