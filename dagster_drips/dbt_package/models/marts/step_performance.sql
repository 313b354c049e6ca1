with

sent_messages as (

    select * from {{ ref('messages') }}
    where status = 'sent'

),

-- Steps of the live file, and whatever was sent before it said something else.
steps as (

    select
        steps.sequence_id,
        steps.step_id,
        variants.variant_id
    from {{ source('raw', 'sequence_steps') }} as steps
    left join {{ source('raw', 'step_variants') }} as variants
        on steps.sequence_id = variants.sequence_id and steps.step_id = variants.step_id

    union distinct

    select
        sequence_id,
        step_id,
        variant_id
    from {{ ref('message_attempts') }}

),

attempt_counts as (

    select
        sequence_id,
        step_id,
        variant_id,
        {{ attempt_counts() }}
    from {{ ref('message_attempts') }}
    group by sequence_id, step_id, variant_id

),

message_counts as (

    select
        sequence_id,
        step_id,
        variant_id,
        {{ message_counts() }}
    from {{ ref('messages') }}
    group by sequence_id, step_id, variant_id

),

-- An enrollment gets a step once, in one variant.
reached as (

    select
        messages.sequence_id,
        messages.step_id,
        messages.variant_id,
        messages.sent_as_of,
        enrollments.enrollment_id,
        enrollments.lead_id,
        enrollments.status,
        enrollments.has_goal
    from sent_messages as messages
    inner join {{ ref('enrollments') }} as enrollments
        on messages.enrollment_id = enrollments.enrollment_id

),

enrollment_counts as (

    select
        sequence_id,
        step_id,
        variant_id,
        {{ enrollment_counts(is_counted='true') }}
    from reached
    group by sequence_id, step_id, variant_id

),

followed as (

    select
        reached.step_id,
        reached.variant_id,
        conversions.*
    from reached
    inner join {{ ref('conversions') }} as conversions
        on
            reached.enrollment_id = conversions.enrollment_id
            and conversions.occurred_at > reached.sent_as_of

),

order_counts as (

    select
        sequence_id,
        step_id,
        variant_id,
        {{ order_counts() }}
    from (
        {{ orders_once(['sequence_id', 'step_id', 'variant_id'], 'followed') }}
    ) as orders
    group by sequence_id, step_id, variant_id

)

select
    steps.sequence_id,
    steps.step_id,
    steps.variant_id,
    positions.position,
    {{ performance_columns() }},
    coalesce(positions.is_live, false) as is_live
from steps
left join {{ ref('step_positions') }} as positions
    on steps.sequence_id = positions.sequence_id and steps.step_id = positions.step_id
left join attempt_counts
    on
        steps.sequence_id = attempt_counts.sequence_id
        and steps.step_id = attempt_counts.step_id
        and steps.variant_id is not distinct from attempt_counts.variant_id
left join message_counts
    on
        steps.sequence_id = message_counts.sequence_id
        and steps.step_id = message_counts.step_id
        and steps.variant_id is not distinct from message_counts.variant_id
left join enrollment_counts
    on
        steps.sequence_id = enrollment_counts.sequence_id
        and steps.step_id = enrollment_counts.step_id
        and steps.variant_id is not distinct from enrollment_counts.variant_id
left join order_counts
    on
        steps.sequence_id = order_counts.sequence_id
        and steps.step_id = order_counts.step_id
        and steps.variant_id is not distinct from order_counts.variant_id
