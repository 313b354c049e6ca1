with

enrollments as (

    select * from {{ ref('enrollments_after_sending') }}

),

active as (

    select * from enrollments
    where status = 'active'

),

next_steps as (

    {{ next_steps_of('active', ref('int_resolved_steps')) }}

),

-- What was decided before sending, corrected by what sending did. A next step that the tick did not judge has become
-- the next one by this tick's own sends and skips: it has to wait for the next tick at least (M3).
pending as (

    select
        next_steps.enrollment_id,
        next_steps.sequence_id,
        next_steps.lead_id,
        next_steps.step_id,
        case
            when states.state is null then 'waiting'
            when states.state <> 'due' then states.state
            when coalesce(refused.message_id, exited.message_id) is not null then 'waiting'
            when messages.status = 'deferred' and messages.sent_as_of = states.as_of then 'waiting'
            else 'due'
        end as state,
        case
            when states.state is null then 'not_yet'
            when states.state <> 'due' then states.reason
            when refused.message_id is not null then 'suppressed'
            when exited.message_id is not null then 'exited'
            when messages.status = 'deferred' and messages.sent_as_of = states.as_of then 'retry'
            else held.reason
        end as reason,
        {{ as_of() }} as decided_at,
        next_steps.scheduled_at,
        next_steps.message_id,
        coalesce(due_steps.variant_id, messages.variant_id) as variant_id,
        messages.detail,
        {{ add_seconds('next_steps.planned_at', 'next_steps.expires_after_seconds') }} as expires_at,
        case when messages.status = 'deferred' then messages.retry_at end as retry_at
    from next_steps
    left join {{ ref('current_step_states') }} as states
        on next_steps.enrollment_id = states.enrollment_id and next_steps.step_id = states.step_id
    left join {{ ref('due_steps') }} as due_steps
        on next_steps.message_id = due_steps.message_id
    left join {{ ref('refused_steps') }} as refused
        on next_steps.message_id = refused.message_id
    left join {{ ref('exited_steps') }} as exited
        on next_steps.message_id = exited.message_id
    left join {{ source('raw', 'held_messages') }} as held
        on next_steps.message_id = held.message_id
    left join {{ ref('int_message_states') }} as messages
        on next_steps.message_id = messages.message_id

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
    from {{ ref('int_message_states') }}
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
        cast(null as varchar) as variant_id,
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
