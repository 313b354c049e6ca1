{{ config(materialized='table') }}

with

-- Landed before, and not looked at as they are now: they have come of age, belong to another lead, or a sequence asks anew.
earlier as (

    select
        _load,
        _line
    from {{ source('raw', 'events') }}
    where
        _load <= {{ since_load() }}
        and (
            {{ came_of_age('occurred_at') }}
            or {{ came_of_age('received_at') }}
        )

    union

    select
        events._load,
        events._line
    from {{ source('raw', 'events') }} as events
    inner join {{ ref('changed_identities') }} as identities
        on events.lead_id = identities.anonymous_id
    where events._load <= {{ since_load() }}

    union

    select
        _load,
        _line
    from {{ source('raw', 'events') }}
    where
        _load <= {{ since_load() }}
        and event in (
            select asked.event
            from {{ ref('asked_events') }} as asked
            inner join {{ ref('changed_sequences') }} as changed
                on asked.sequence_id = changed.sequence_id
        )

),

landed as (

    select *
    from {{ source('raw', 'events') }}
    where _load > {{ since_load() }}

    union all

    select events.*
    from {{ source('raw', 'events') }} as events
    inner join earlier
        on events._load = earlier._load and events._line = earlier._line

),

asked as (

    select * from landed
    where event in (select event from {{ ref('asked_events') }})

)

select
    event_id,
    lead_id,
    event,
    occurred_at,
    properties,
    number_texts,
    is_refund
from (
    {{ visible_events('asked', as_of()) }}
) as events
