{#- The next step of each of these open enrollments, and what becomes of it before limits: `eligibility` (M1 … M7). `enrollments` has the
    columns of `open_enrollments`; `messages` and `resolved_steps` are theirs. -#}
{% macro step_candidates_of(enrollments, messages, resolved_steps) -%}
    with

    scheduled as (

        {{ next_steps_of(enrollments, resolved_steps) }}

    ),

    -- Conditions are judged when the step is due, one row per condition and message (M6).
    due_conditions as (

        select
            scheduled.message_id,
            scheduled.enrollment_id,
            scheduled.lead_id,
            scheduled.triggered_at,
            conditions.polarity,
            conditions.kind,
            conditions.value
        from scheduled
        inner join {{ source('raw', 'step_conditions') }} as conditions
            on scheduled.sequence_id = conditions.sequence_id and scheduled.step_id = conditions.step_id
        where scheduled.scheduled_at <= {{ as_of() }}

    ),

    met_conditions as (

        {{ met_conditions_of('due_conditions', ref('segment_members'), ref('condition_events'), ref('open_engagement_facts'), as_of()) }}

    ),

    failing_conditions as (

        select distinct due_conditions.message_id
        from due_conditions
        left join met_conditions
            on
                due_conditions.message_id = met_conditions.message_id
                and due_conditions.polarity = met_conditions.polarity
                and due_conditions.kind = met_conditions.kind
                and due_conditions.value = met_conditions.value
        where {{ condition_fails('due_conditions.polarity', 'met_conditions.message_id is not null') }}

    ),

    held_sequences as (

        {{ held_sequences() }}

    ),

    -- Of the others nothing is asked: what an address is compared as is computed for each.
    their_leads as (

        select * from {{ ref('stg_mailable_leads') }}
        where lead_id in (select lead_id from scheduled)

    ),

    next_steps as (

        select
            scheduled.*,
            held_sequences.sequence_id is not null as is_held,
            sequences.version_id,
            sequences.trigger_kind,
            sequences.sender_name,
            sequences.sender_email,
            sequences.sender_reply_to,
            sequences.priority,
            sequences.transactional,
            sequences.is_running,
            sequences.confirmation,
            leads.recipient,
            case when sequences.confirmation then leads.unconfirmed_address else leads.address end as address,
            coalesce(
                confirmations.one_message <> scheduled.message_id or confirmations.other_message <> scheduled.message_id, false
            ) as was_asked_lately,
            messages.status as message_status,
            messages.retry_at,
            coalesce(messages.attempts, 0) + 1 as attempt,
            windows.sequence_id is not null as window_is_open,
            failing_conditions.message_id is not null as fails_condition
        from scheduled
        inner join {{ ref('live_sequences') }} as sequences
            on scheduled.sequence_id = sequences.sequence_id
        left join their_leads as leads
            on scheduled.lead_id = leads.lead_id
        left join {{ messages }} as messages
            on scheduled.message_id = messages.message_id
        left join {{ ref('asked_addresses') }} as confirmations
            on sequences.confirmation and leads.unconfirmed_address = confirmations.address
        cross join {{ source('raw', 'project_settings') }} as project
        left join {{ source('raw', 'time_zones') }} as lead_zones
            on leads.timezone = lead_zones.timezone
        left join {{ ref('open_windows') }} as windows
            on
                scheduled.sequence_id = windows.sequence_id
                and windows.timezone = {{ window_zone_of('sequences.window_timezone', 'lead_zones.timezone', 'project.timezone') }}
        left join failing_conditions
            on scheduled.message_id = failing_conditions.message_id
        left join held_sequences
            on scheduled.sequence_id = held_sequences.sequence_id

    )

    select
        *,
        case
            when not is_running then 'paused'
            when message_status = 'in_doubt' then 'in_doubt'
            -- one step of an enrollment a tick (M3), also when a tick is repeated
            when last_resolved_at >= {{ as_of() }} then 'not_yet'
            -- waiting for a gate resolves nothing (G1): what would be skipped waits as well
            when
                is_held
                and (
                    scheduled_at <= {{ as_of() }}
                    or {{ add_seconds('planned_at', 'expires_after_seconds') }} <= {{ as_of() }}
                )
                then 'gate'
            when {{ add_seconds('planned_at', 'expires_after_seconds') }} <= {{ as_of() }} then 'expired'
            when scheduled_at > {{ as_of() }} then 'not_yet'
            when message_status = 'deferred' and retry_at > {{ as_of() }} then 'retry'
            -- known by now, or confirmed: there is nothing left to ask
            when confirmation and address is null then 'condition'
            when address is null then 'no_address'
            when not window_is_open then 'window_closed'
            when fails_condition then 'condition'
            when not {{ in_step_rollout('rollout', 'sequence_id', 'step_id', 'lead_id') }} then 'rollout'
            when was_asked_lately then 'asked_lately'
            else 'eligible'
        end as eligibility
    from next_steps
{%- endmacro %}
