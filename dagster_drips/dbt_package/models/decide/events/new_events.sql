{{ config(materialized='table') }}

with

-- Of landed before there is more to look at: what has come of age, belongs to another lead, or a sequence asks for anew. What
-- has come of age is told by its own instants alone, so that only the rows of that time are read.
moved as (

    select
        events._load,
        events._line
    from {{ source('raw', 'events') }} as events
    inner join {{ ref('changed_identities') }} as identities
        on events.lead_id = identities.anonymous_id
    where events._load <= {{ since_load() }}

    union distinct

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

    select *
    from {{ source('raw', 'events') }}
    where
        _load <= {{ since_load() }}
        and {{ came_of_age('occurred_at') }}

    union all

    select *
    from {{ source('raw', 'events') }}
    where
        _load <= {{ since_load() }}
        and {{ came_of_age('received_at') }}
        and not {{ came_of_age('occurred_at') }}

    union all

    select events.*
    from {{ source('raw', 'events') }} as events
    inner join moved
        on events._load = moved._load and events._line = moved._line
    where
        not {{ came_of_age('events.occurred_at') }}
        and not coalesce({{ came_of_age('events.received_at') }}, false)

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
