with

enrollments as (

    select * from {{ ref('enrollments_after_sending') }}

),

pending as (

    {{ pending_steps_of(ref('int_next_steps'), ref('kept_message_states_after_sending')) }}

),

attempted as (

    select
        enrollment_id,
        sequence_id,
        lead_id,
        step_id,
        status as state,
        case
            when status = 'in_doubt' then 'in_doubt'
            when refused_at is not null then 'bounced'
            when status = 'failed' and detail like 'render_error%' then 'render_error'
            when status = 'failed' and detail like 'resolved as failed%' then 'resolved_by_hand'
            when status = 'failed' then 'refused_by_server'
        end as reason,
        sent_as_of as decided_at,
        scheduled_at,
        message_id,
        variant_id,
        detail,
        cast(null as timestamp) as expires_at,
        cast(null as timestamp) as retry_at
    from {{ ref('kept_message_states_after_sending') }}
    where status in ('sent', 'failed', 'in_doubt')

),

skipped_steps as (

    select
        skipped.enrollment_id,
        enrollments.sequence_id,
        enrollments.lead_id,
        skipped.step_id,
        skipped.resolution as state,
        skipped.reason,
        skipped.resolved_at as decided_at,
        cast(null as timestamp) as scheduled_at,
        md5(skipped.enrollment_id || ':' || skipped.step_id) as message_id,
        {{ no_text() }} as variant_id,
        skipped.detail,
        cast(null as timestamp) as expires_at,
        cast(null as timestamp) as retry_at
    from {{ source('journal', 'skipped_steps') }} as skipped
    inner join enrollments
        on skipped.enrollment_id = enrollments.enrollment_id

),

-- What is on record about a step outranks what the tick expected of it.
recorded as (

    select * from attempted

    union all

    select skipped_steps.*
    from skipped_steps
    left join attempted
        on skipped_steps.message_id = attempted.message_id
    where attempted.message_id is null

),

decisions as (

    select * from recorded

    union all

    select pending.*
    from pending
    left join recorded
        on pending.message_id = recorded.message_id
    where recorded.message_id is null

)

select
    decisions.enrollment_id,
    decisions.sequence_id,
    decisions.lead_id,
    decisions.step_id,
    positions.position,
    decisions.state,
    decisions.reason,
    decisions.decided_at,
    decisions.scheduled_at,
    decisions.message_id,
    decisions.variant_id,
    decisions.detail,
    decisions.expires_at,
    decisions.retry_at
from decisions
left join {{ ref('step_positions') }} as positions
    on decisions.sequence_id = positions.sequence_id and decisions.step_id = positions.step_id
