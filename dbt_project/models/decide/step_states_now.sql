{{ config(materialized='table') }}

with

eligible as (

    select
        *,
        row_number() over (
            order by priority desc, scheduled_at, message_id
        ) as turn
    from {{ ref('step_candidates') }}
    where standing = 'eligible'

),

-- What counts against the cap: sent or in doubt to that address in (as_of - per, as_of] (F1).
counted as (

    select
        messages.address,
        count(*) as messages
    from {{ ref('message_states') }} as messages
    cross join {{ source('raw', 'project_settings') }} as project
    where
        messages.status in ('sent', 'in_doubt')
        and not messages.transactional
        and messages.sent_as_of > {{ add_seconds(as_of(), '-project.cap_per_seconds') }}
        and messages.sent_as_of <= {{ as_of() }}
    group by messages.address

),

capped as (

    select
        eligible.message_id,
        coalesce(
            not eligible.transactional
            and coalesce(counted.messages, 0)
            + row_number() over (partition by eligible.address, eligible.transactional order by eligible.turn)
            > project.cap_messages,
            false
        ) as over_cap
    from eligible
    cross join {{ source('raw', 'project_settings') }} as project
    left join counted
        on eligible.address = counted.address

),

-- The smallest limit over the active sequences that send from it, due or not (F2).
sender_limits as (

    select
        {{ address('sequences.sender_email') }} as sender_address,
        min(coalesce(sequences.sender_max_per_tick, project.max_per_tick)) as max_per_tick
    from {{ ref('live_sequences') }} as sequences
    cross join {{ source('raw', 'project_settings') }} as project
    where sequences.is_running
    group by 1

),

-- A repeated tick has sent some already.
sent_this_tick as (

    select
        {{ address('sender') }} as sender_address,
        count(*) as messages
    from {{ ref('message_states') }}
    where
        status in ('sent', 'in_doubt')
        and sent_as_of = {{ as_of() }}
    group by 1

),

throttled as (

    select
        eligible.message_id,
        coalesce(
            coalesce(sent_this_tick.messages, 0)
            + row_number() over (partition by {{ address('eligible.sender_email') }} order by eligible.turn)
            > sender_limits.max_per_tick,
            false
        ) as over_throttle
    from eligible
    inner join capped
        on eligible.message_id = capped.message_id and not capped.over_cap
    left join sender_limits
        on {{ address('eligible.sender_email') }} = sender_limits.sender_address
    left join sent_this_tick
        on {{ address('eligible.sender_email') }} = sent_this_tick.sender_address

)

select
    candidates.enrollment_id,
    candidates.sequence_id,
    candidates.lead_id,
    candidates.occurrence_id,
    candidates.triggered_at,
    candidates.enrolled_at,
    candidates.step_id,
    candidates.position,
    candidates.message_id,
    candidates.planned_at,
    candidates.scheduled_at,
    candidates.version_id,
    candidates.trigger_kind,
    candidates.sender_name,
    candidates.sender_email,
    candidates.sender_reply_to,
    candidates.priority,
    candidates.transactional,
    candidates.recipient,
    candidates.address,
    candidates.attempt,
    candidates.retry_at,
    {{ as_of() }} as as_of,
    case
        when candidates.standing in ('expired', 'condition') then 'skipped'
        when candidates.standing = 'in_doubt' then 'in_doubt'
        when candidates.standing <> 'eligible' then 'waiting'
        when capped.over_cap or throttled.over_throttle then 'waiting'
        else 'due'
    end as state,
    case
        when candidates.standing <> 'eligible' then candidates.standing
        when capped.over_cap then 'frequency_cap'
        when throttled.over_throttle then 'throttle'
    end as reason,
    eligible.turn as send_rank
from {{ ref('step_candidates') }} as candidates
left join eligible
    on candidates.message_id = eligible.message_id
left join capped
    on candidates.message_id = capped.message_id
left join throttled
    on candidates.message_id = throttled.message_id
