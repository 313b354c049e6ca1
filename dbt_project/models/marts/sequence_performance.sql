with

attempt_counts as (

    select
        sequence_id,
        {{ attempt_counts() }}
    from {{ ref('message_attempts') }}
    group by sequence_id

),

message_counts as (

    select
        sequence_id,
        {{ message_counts() }}
    from {{ ref('messages') }}
    group by sequence_id

),

-- Control is sent nothing, so what it does by itself is not the sequence's success.
enrollment_counts as (

    select
        sequence_id,
        {{ enrollment_counts(is_counted="arm = 'treatment'", is_converted='converted_at is not null') }}
    from {{ ref('enrollments') }}
    group by sequence_id

)

select
    sequences.sequence_id,
    sequences.status,
    {{ performance_columns() }},
    sequences.name,
    coalesce(enrollment_counts.convertible, 0) as treated_total
from {{ source('raw', 'sequences') }} as sequences
left join attempt_counts
    on sequences.sequence_id = attempt_counts.sequence_id
left join message_counts
    on sequences.sequence_id = message_counts.sequence_id
left join enrollment_counts
    on sequences.sequence_id = enrollment_counts.sequence_id
