{{ config(materialized='table') }}

-- The next step of every enrollment that is open after this tick's exits, and what becomes of it before limits.
with

enrollments as (

    select open_enrollments.* from {{ ref('open_enrollments') }} as open_enrollments
    left join {{ ref('exits') }} as exits
        on open_enrollments.enrollment_id = exits.enrollment_id
    where exits.enrollment_id is null

    union all

    select new_enrollments.* from {{ ref('new_enrollments') }} as new_enrollments
    left join {{ ref('exits_of_new') }} as exits
        on new_enrollments.enrollment_id = exits.enrollment_id
    where exits.enrollment_id is null

),

scheduled as (

    {{ next_steps_of('enrollments') }}

),

-- Conditions are judged when the step is due, one row per condition and message (M6).
asked as (

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

held as (

    select asked.*
    from asked
    inner join {{ ref('segment_members') }} as members
        on
            asked.kind = 'segment'
            and asked.value = members.segment
            and asked.lead_id = members.lead_id

    union

    select asked.*
    from asked
    inner join {{ ref('stg_events') }} as events
        on
            asked.kind = 'event'
            and asked.value = events.event
            and asked.lead_id = events.lead_id
            and events.occurred_at > asked.triggered_at

    union

    -- A click counts as an open.
    select asked.*
    from asked
    inner join {{ ref('engagement_facts') }} as facts
        on
            asked.enrollment_id = facts.enrollment_id
            and asked.value = facts.step_id
            and facts.is_human
            and facts.counts_from <= {{ as_of() }}
            and (
                (asked.kind = 'opened' and facts.type in ('opened', 'clicked'))
                or (asked.kind = 'clicked' and facts.type = 'clicked')
            )

),

-- All of only_if must hold, none of unless.
conditions_failed as (

    select distinct asked.message_id
    from asked
    left join held
        on
            asked.message_id = held.message_id
            and asked.polarity = held.polarity
            and asked.kind = held.kind
            and asked.value = held.value
    where
        (asked.polarity = 'only_if' and held.message_id is null)
        or (asked.polarity = 'unless' and held.message_id is not null)

),

placed as (

    select
        scheduled.*,
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
            asked.one_message <> scheduled.message_id or asked.other_message <> scheduled.message_id, false
        ) as was_asked_lately,
        messages.status as message_status,
        messages.retry_at,
        coalesce(messages.attempts, 0) + 1 as attempt,
        windows.sequence_id is not null as window_is_open,
        conditions_failed.message_id is not null as fails_condition
    from scheduled
    inner join {{ ref('live_sequences') }} as sequences
        on scheduled.sequence_id = sequences.sequence_id
    left join {{ ref('stg_mailable_leads') }} as leads
        on scheduled.lead_id = leads.lead_id
    left join {{ ref('message_states') }} as messages
        on scheduled.message_id = messages.message_id
    left join {{ ref('asked_addresses') }} as asked
        on sequences.confirmation and leads.unconfirmed_address = asked.address
    cross join {{ source('raw', 'project_settings') }} as project
    left join {{ source('raw', 'time_zones') }} as lead_zones
        on leads.timezone = lead_zones.timezone
    left join {{ ref('open_windows') }} as windows
        on
            scheduled.sequence_id = windows.sequence_id
            and windows.timezone = case
                when sequences.window_timezone <> 'lead' then sequences.window_timezone
                else coalesce(lead_zones.timezone, project.timezone)
            end
    left join conditions_failed
        on scheduled.message_id = conditions_failed.message_id

)

select
    *,
    case
        when not is_running then 'paused'
        when message_status = 'in_doubt' then 'in_doubt'
        -- one step of an enrollment a tick (M3), also when a tick is repeated
        when last_resolved_at >= {{ as_of() }} then 'not_yet'
        when {{ add_seconds('planned_at', 'expires_after_seconds') }} <= {{ as_of() }} then 'expired'
        when scheduled_at > {{ as_of() }} then 'not_yet'
        when message_status = 'deferred' and retry_at > {{ as_of() }} then 'retry'
        -- known by now, or confirmed: there is nothing left to ask
        when confirmation and address is null then 'condition'
        when address is null then 'no_address'
        when not window_is_open then 'window_closed'
        when fails_condition then 'condition'
        when was_asked_lately then 'asked_lately'
        else 'eligible'
    end as standing
from placed
