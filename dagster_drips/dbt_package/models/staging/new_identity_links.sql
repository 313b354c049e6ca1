{{ config(materialized='table') }}

-- An id that is a lead's own is nobody's anonymous one: else who posts events could take away another lead's. A page reaches
-- no other ids than those of its visitors, which begin with `anonymous:`; a source that is trusted may give them either way.
with

links as (

    select
        events.event_id,
        {{ property_text('events.properties', 'events.number_texts', "'anonymous_id'") }} as anonymous_id,
        events.lead_id,
        events._drips_source,
        coalesce(events.received_at, events.occurred_at) as linked_at,
        events._load,
        events._line
    from {{ source('raw', 'events') }} as events
    cross join {{ source('raw', 'project_settings') }} as project
    where
        events.event = 'identified'
        and (
            events._load > {{ since_load() }}
            or events.occurred_at > {{ since() }}
            or events.received_at > {{ since() }}
        )
        and events.occurred_at <= {{ as_of() }}
        and coalesce(events.received_at, events.occurred_at) <= {{ as_of() }}
        and ({{ is_trusted('events') }} or project.page_events is distinct from 'verified')

)

select *
from links
where _drips_source is null or anonymous_id like 'anonymous:%'

union all

select
    event_id,
    'anonymous:' || anonymous_id as anonymous_id,
    lead_id,
    _drips_source,
    linked_at,
    _load,
    _line
from links
where _drips_source is null and anonymous_id not like 'anonymous:%'
