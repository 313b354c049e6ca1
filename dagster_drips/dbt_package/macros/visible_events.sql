{#- Landed events that are visible at an instant (T2), as leads' own: one row an event. -#}
{% macro visible_events(events, instant) -%}
    select
        events.event_id,
        coalesce(identities.lead_id, events.lead_id) as lead_id,
        events.event,
        events.occurred_at,
        events.received_at,
        events.properties,
        events.number_texts,
        events.value,
        events.currency,
        {{ property_text('events.properties', 'events.number_texts', "'refund_of'") }} as refund_of,
        coalesce(events.value < 0, false)
        or {{ property_text('events.properties', 'events.number_texts', "'refund_of'") }} is not null as is_refund
    from {{ events }} as events
    cross join {{ source('raw', 'project_settings') }} as project
    left join {{ ref('stg_identities') }} as identities
        on events.lead_id = identities.anonymous_id
    where
        events.occurred_at <= {{ instant }}
        and coalesce(events.received_at, events.occurred_at) <= {{ instant }}
        -- Whom a page says a user to be it may be wrong about; of a visitor without a name it can't be.
        and (events._drips_source is distinct from 'page' or project.page_events is distinct from 'verified')
{%- endmacro %}
