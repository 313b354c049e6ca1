{#- When a lead last had what triggers a sequence (E1), whether it counts or not, and how often: one row per lead and sequence that it ever
    had. A trigger's `where` is not asked, as events are published without their properties. -#}
{% macro last_triggers_of(people, sequences) -%}
    select
        events.lead_id,
        sequences.sequence_id,
        max(events.occurred_at) as last_at,
        count(*) as times
    from {{ sequences }} as sequences
    inner join {{ ref('drips', 'events').include(database=false) }} as events
        on sequences.trigger_event = events.event
    where sequences.trigger_kind = 'event'
    group by events.lead_id, sequences.sequence_id

    union all

    select
        people.lead_id,
        sequences.sequence_id,
        people.created_at as last_at,
        1 as times
    from {{ sequences }} as sequences
    inner join {{ people }} as people on true
    where sequences.trigger_kind = 'lead_created'

    union all

    select
        memberships.lead_id,
        sequences.sequence_id,
        max(memberships.entered_at) as last_at,
        count(*) as times
    from {{ sequences }} as sequences
    inner join {{ ref('segment_memberships').include(database=false) }} as memberships
        on sequences.trigger_segment = memberships.segment
    where sequences.trigger_kind = 'segment_entered'
    group by memberships.lead_id, sequences.sequence_id
{%- endmacro %}
