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
        count(case when arm = 'treatment' then 1 end) as treated_total,
        {{ enrollment_counts(is_counted="arm = 'treatment'") }}
    from {{ ref('enrollments') }}
    group by sequence_id

),

treated as (

    select * from {{ ref('conversions') }}
    where arm = 'treatment'

),

order_counts as (

    select
        sequence_id,
        {{ order_counts() }}
    from (
        {{ orders_once(['sequence_id'], 'treated') }}
    ) as orders
    group by sequence_id

)

select
    sequences.sequence_id,
    sequences.status,
    {{ performance_columns() }},
    sequences.name,
    coalesce(enrollment_counts.treated_total, 0) as treated_total
from {{ source('raw', 'sequences') }} as sequences
left join attempt_counts
    on sequences.sequence_id = attempt_counts.sequence_id
left join message_counts
    on sequences.sequence_id = message_counts.sequence_id
left join enrollment_counts
    on sequences.sequence_id = enrollment_counts.sequence_id
left join order_counts
    on sequences.sequence_id = order_counts.sequence_id
