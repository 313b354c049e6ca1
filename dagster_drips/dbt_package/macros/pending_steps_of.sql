{#- What this tick left the next steps of open enrollments at: due, or why they wait. `next_steps` is like `next_steps_after_sending`, `states` like
    `kept_message_states_after_sending`. One row an enrollment that has a next step. -#}
{% macro pending_steps_of(next_steps, states) -%}
    with

    -- Of whom nothing is said here, the time has not come.
    judged as (

        select
            enrollment_id,
            step_id,
            as_of,
            state,
            reason
        from {{ ref('judged_steps') }}
        union all
        select
            enrollment_id,
            step_id,
            as_of,
            state,
            reason
        from {{ ref('overdue_steps') }}

    )

    -- What was decided before sending, corrected by what sending did. A next step that the tick did not judge has become
    -- the next one by this tick's own sends and skips: it has to wait for the next tick at least (M3).
    select
        next_steps.enrollment_id,
        next_steps.sequence_id,
        next_steps.lead_id,
        next_steps.step_id,
        case
            when messages.status = 'in_doubt' then 'in_doubt'
            when judged.state is null then 'waiting'
            when judged.state <> 'due' then judged.state
            when coalesce(refused.message_id, exited.message_id) is not null then 'waiting'
            when messages.status = 'deferred' and messages.sent_as_of = judged.as_of then 'waiting'
            else 'due'
        end as state,
        case
            when messages.status = 'in_doubt' then 'in_doubt'
            when judged.state is null then 'not_yet'
            when judged.state <> 'due' then judged.reason
            when refused.message_id is not null then 'suppressed'
            when exited.message_id is not null then 'exited'
            when messages.status = 'deferred' and messages.sent_as_of = judged.as_of then 'retry'
            else held.reason
        end as reason,
        {{ as_of() }} as decided_at,
        next_steps.scheduled_at,
        next_steps.message_id,
        coalesce(due_steps.variant_id, messages.variant_id) as variant_id,
        messages.detail,
        next_steps.expires_at,
        case when messages.status = 'deferred' then messages.retry_at end as retry_at
    from {{ next_steps }} as next_steps
    left join judged
        on next_steps.enrollment_id = judged.enrollment_id and next_steps.step_id = judged.step_id
    left join {{ ref('due_steps') }} as due_steps
        on next_steps.message_id = due_steps.message_id
    left join {{ ref('refused_steps') }} as refused
        on next_steps.message_id = refused.message_id
    left join {{ ref('exited_steps') }} as exited
        on next_steps.message_id = exited.message_id
    left join {{ source('raw', 'held_messages') }} as held
        on next_steps.message_id = held.message_id
    left join {{ states }} as messages
        on next_steps.message_id = messages.message_id
{%- endmacro %}
