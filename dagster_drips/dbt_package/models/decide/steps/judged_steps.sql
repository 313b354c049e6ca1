{{ config(materialized='table', meta={'empty_without': ['step_candidates']}) }}

with

eligible as (

    select
        *,
        row_number() over (
            order by priority desc, scheduled_at, message_id
        ) as turn
    from {{ ref('step_candidates') }}
    where eligibility = 'eligible'

),

-- What counts against the cap: sent or in doubt to that address in (as_of - per, as_of] (F1).
messages_in_cap_period as (

    select
        messages.address,
        count(*) as messages
    from {{ ref('limiting_message_states') }} as messages
    cross join {{ source('raw', 'project_settings') }} as project
    where
        {{ counts_for_cap('messages') }}
        and messages.sent_as_of > {{ add_seconds(as_of(), '-project.cap_per_seconds') }}
        and messages.sent_as_of <= {{ as_of() }}
    group by messages.address

),

capped as (

    select
        eligible.message_id,
        coalesce(
            not eligible.transactional
            and coalesce(messages_in_cap_period.messages, 0)
            + row_number() over (partition by eligible.address, eligible.transactional order by eligible.turn)
            > project.cap_messages,
            false
        )
        -- one confirmation to an address
        or coalesce(
            eligible.confirmation
            and row_number() over (partition by eligible.address, eligible.confirmation order by eligible.turn) > 1,
            false
        ) as over_cap
    from eligible
    cross join {{ source('raw', 'project_settings') }} as project
    left join messages_in_cap_period
        on eligible.address = messages_in_cap_period.address

),

-- The smallest limit over the active sequences that send from it, due or not, and of the identity with that address;
-- the project's stands for a sequence where neither gives one (F2).
sender_limits as (

    select
        {{ address('sequences.sender_email') }} as sender_address,
        min({{ throttle_of(
            'sequences.sender_max_per_tick', 'identities.max_per_tick', 'project.max_per_tick'
        ) }}) as max_per_tick
    from {{ ref('live_sequences') }} as sequences
    cross join {{ source('raw', 'project_settings') }} as project
    left join {{ source('raw', 'sender_identities') }} as identities
        on {{ address('sequences.sender_email') }} = identities.address
    where sequences.is_running
    group by 1

),

-- Senders are few: their addresses are compared after the counting.
sent_by_sender as (

    select
        sender,
        min(sent_as_of) as first_sent_as_of,
        sum(case when sent_as_of >= cast(cast({{ as_of() }} as date) as timestamp) then 1 else 0 end) as messages_today,
        -- A repeated tick has sent some already.
        sum(case when sent_as_of = {{ as_of() }} then 1 else 0 end) as messages_this_tick
    from {{ ref('limiting_message_states') }}
    where
        status in ('sent', 'in_doubt')
        and sent_as_of <= {{ as_of() }}
    group by sender

),

sent as (

    select
        {{ address('sender') }} as sender_address,
        min(first_sent_as_of) as first_sent_as_of,
        sum(messages_today) as messages_today,
        sum(messages_this_tick) as messages_this_tick
    from sent_by_sender
    group by 1

),

-- Warm-up: what an address may send on this UTC day, which is the nth since its first with a message.
allowances as (

    select
        identities.address as sender_address,
        {{ warmup_allowance(
            'identities.warmup_start', 'identities.warmup_growth', days_between('sent.first_sent_as_of', as_of())
        ) }} as messages_a_day
    from {{ source('raw', 'sender_identities') }} as identities
    left join sent
        on identities.address = sent.sender_address
    where identities.warmup_start is not null

),

queued as (

    select
        eligible.message_id,
        {{ address('eligible.sender_email') }} as sender_address,
        row_number() over (partition by {{ address('eligible.sender_email') }} order by eligible.turn) as place
    from eligible
    inner join capped
        on eligible.message_id = capped.message_id and not capped.over_cap

),

limited as (

    select
        queued.message_id,
        coalesce(
            coalesce(sent.messages_this_tick, 0) + queued.place > sender_limits.max_per_tick, false
        ) as over_throttle,
        coalesce(
            coalesce(sent.messages_today, 0) + queued.place > allowances.messages_a_day, false
        ) as over_warmup
    from queued
    left join sent
        on queued.sender_address = sent.sender_address
    left join sender_limits
        on queued.sender_address = sender_limits.sender_address
    left join allowances
        on queued.sender_address = allowances.sender_address

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
        when candidates.eligibility in ('expired', 'condition', 'rollout', 'asked_lately') then 'skipped'
        when candidates.eligibility = 'in_doubt' then 'in_doubt'
        when candidates.eligibility <> 'eligible' then 'waiting'
        when capped.over_cap or limited.over_throttle or limited.over_warmup then 'waiting'
        -- behind the limits: its place is not given on (M10)
        when declined.message_id is not null then 'skipped'
        else 'due'
    end as state,
    case
        when candidates.eligibility <> 'eligible' then candidates.eligibility
        when capped.over_cap then 'frequency_cap'
        -- What is over both waits for the warm-up: the next tick brings nothing, the next day does.
        when limited.over_warmup then 'warmup'
        when limited.over_throttle then 'throttle'
        when declined.message_id is not null then 'declined'
    end as reason,
    declined.reason as detail,
    eligible.turn as send_rank
from {{ ref('step_candidates') }} as candidates
left join eligible
    on candidates.message_id = eligible.message_id
left join capped
    on candidates.message_id = capped.message_id
left join limited
    on candidates.message_id = limited.message_id
left join {{ source('raw', 'declined_steps') }} as declined
    on candidates.message_id = declined.message_id
