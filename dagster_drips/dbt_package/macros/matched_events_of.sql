{#- Which visible events are a sequence's trigger or goal, `where` included. A goal that was edited stays the goal of whom
    it enrolled (L2), so a sequence may have several. -#}
{% macro matched_events_of(events) -%}
    with

    goals as (

        select distinct
            sequence_id,
            goal_id,
            goal_event,
            goal
        from {{ ref('goal_spells') }}

    ),

    wanted as (

        select
            sequence_id,
            'trigger' as role,
            'trigger' as wanted_id,
            trigger_event as event
        from {{ source('raw', 'sequences') }}
        where trigger_kind = 'event'

        union all

        select
            sequence_id,
            'goal' as role,
            goal_id as wanted_id,
            goal_event as event
        from goals

    ),

    wanted_properties as (

        select
            sequence_id,
            role as wanted_id,
            property,
            value
        from {{ source('raw', 'sequence_predicates') }}
        where role = 'trigger'

        union all

        select
            sequence_id,
            goal_id as wanted_id,
            property,
            value
        from (
            {{ goal_predicates_of('goals') }}
        ) as goal_predicates

    ),

    predicate_counts as (

        select
            sequence_id,
            wanted_id,
            count(*) as predicates
        from wanted_properties
        group by sequence_id, wanted_id

    ),

    -- What takes a sale back is none (L2).
    named as (

        select
            wanted.sequence_id,
            wanted.role,
            wanted.wanted_id,
            events.event_id,
            events.lead_id,
            events.occurred_at,
            events.properties,
            events.number_texts,
            predicate_counts.predicates
        from wanted
        inner join {{ events }} as events
            on
                wanted.event = events.event
                and (wanted.role = 'trigger' or not events.is_refund)
        left join predicate_counts
            on wanted.sequence_id = predicate_counts.sequence_id and wanted.wanted_id = predicate_counts.wanted_id

    ),

    -- A null or missing property equals nothing, so it never counts.
    satisfied as (

        select
            named.sequence_id,
            named.wanted_id,
            named.event_id,
            count(*) as predicates
        from named
        inner join wanted_properties
            on
                named.sequence_id = wanted_properties.sequence_id
                and named.wanted_id = wanted_properties.wanted_id
                and {{ property_text('named.properties', 'named.number_texts', 'wanted_properties.property') }} = wanted_properties.value
        where named.predicates is not null
        group by named.sequence_id, named.wanted_id, named.event_id

    )

    select
        named.sequence_id,
        named.role,
        named.event_id,
        named.lead_id,
        named.occurred_at,
        case when named.role = 'goal' then named.wanted_id end as goal_id
    from named
    left join satisfied
        on
            named.sequence_id = satisfied.sequence_id
            and named.wanted_id = satisfied.wanted_id
            and named.event_id = satisfied.event_id
    where
        named.predicates is null
        or named.predicates = satisfied.predicates
{%- endmacro %}
