{{ config(materialized='table') }}

-- An id that is a lead's own is nobody's anonymous one: else who posts events could take away another lead's. A page reaches
-- no other ids than those of its visitors, which begin with `anonymous:`; a source that is trusted may give them either way.
with

links as (

    select
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
        and events.occurred_at <= {{ as_of() }}
        and coalesce(events.received_at, events.occurred_at) <= {{ as_of() }}
        and ({{ is_trusted('events') }} or project.page_events is distinct from 'verified')

),

reaching as (

    select *
    from links
    where _drips_source is null or starts_with(anonymous_id, 'anonymous:')

    union all

    select * replace ('anonymous:' || anonymous_id as anonymous_id)
    from links
    where _drips_source is null and not starts_with(anonymous_id, 'anonymous:')

),

ranked as (

    select
        anonymous_id,
        lead_id,
        row_number() over (
            partition by anonymous_id
            order by
                case when _drips_source is null then 1 when _drips_source = 'verified' then 2 else 3 end,
                linked_at,
                _load,
                _line
        ) as choice
    from reaching

)

select
    ranked.anonymous_id,
    ranked.lead_id
from ranked
left join (
    -- What a page calls a user's id makes it nobody's.
    select distinct lead_id from {{ source('raw', 'leads') }}
    where _drips_source is distinct from 'page'
) as leads
    on ranked.anonymous_id = leads.lead_id
where
    ranked.choice = 1
    and ranked.anonymous_id is not null
    and leads.lead_id is null
