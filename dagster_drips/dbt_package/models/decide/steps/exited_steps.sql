-- Sending asks exits again (L1), of what this tick did not know when it decided.
with

known as (

    select coalesce(max(last_load_id), 0) as load_id
    from {{ source('earlier', 'ticks') }}
    where as_of = {{ as_of() }} and phase = 'decided'

),

-- Files that came since the tick before: of millions of events only theirs are read.
loads as (

    select load_id
    from {{ source('raw', 'loaded_files') }}
    where
        load_id > (
            select coalesce(max(last_load_id), 0)
            from {{ source('earlier', 'ticks') }}
            where as_of < {{ as_of() }}
        )

),

landed_events as (

    select events.*
    from {{ source('raw', 'events') }} as events
    inner join loads
        on events._load = loads.load_id
    where
        events._load > (select load_id from known)
        or events.occurred_at > {{ as_of() }}
        or events.received_at > {{ as_of() }}

),

events as (

    {{ visible_events('landed_events', '(select sending_at from ' ~ source('raw', 'tick') ~ ')') }}

),

matched_events as (

    {{ matched_events_of('events') }}

),

replies as (

    select *
    from {{ source('raw', 'engagement') }}
    where
        type = 'replied'
        and (_load > (select load_id from known) or occurred_at > {{ as_of() }})

),

deliveries as (

    select *
    from {{ source('earlier_sends', 'delivery_log') }}
    where message_id in (select message_id from replies)

),

states as (

    {{ message_states_of('deliveries') }}

),

engagement_facts as (

    {{ engagement_facts_of('replies', 'states') }}

),

enrollments as (

    select
        due.enrollment_id,
        due.sequence_id,
        due.lead_id,
        due.triggered_at,
        decisions.decided_at as enrolled_at
    from {{ ref('due_steps') }} as due
    inner join {{ source('earlier', 'enrollment_decisions') }} as decisions
        on due.enrollment_id = decisions.enrollment_id
    where
        due.lead_id in (select lead_id from events)
        or due.enrollment_id in (select enrollment_id from engagement_facts)

),

exits as (

    {{ exits_by_doing(
        'enrollments', 'events', 'matched_events', 'engagement_facts', '(select sending_at from ' ~ source('raw', 'tick') ~ ')'
    ) }}

)

select distinct due.message_id
from {{ ref('due_steps') }} as due
inner join exits
    on due.enrollment_id = exits.enrollment_id
