-- Which visible events are a sequence's trigger or goal, `where` included.
with

wanted as (

    select
        sequence_id,
        'trigger' as role,
        trigger_event as event
    from {{ source('raw', 'sequences') }}
    where trigger_kind = 'event'

    union all

    select
        sequence_id,
        'goal' as role,
        goal_event as event
    from {{ source('raw', 'sequences') }}
    where goal_event is not null

),

predicate_counts as (

    select
        sequence_id,
        role,
        count(*) as predicates
    from {{ source('raw', 'sequence_predicates') }}
    group by sequence_id, role

),

named as (

    select
        wanted.sequence_id,
        wanted.role,
        events.event_id,
        events.lead_id,
        events.occurred_at,
        events.properties,
        events.number_texts,
        predicate_counts.predicates
    from wanted
    inner join {{ ref('stg_events') }} as events
        on wanted.event = events.event
    left join predicate_counts
        on wanted.sequence_id = predicate_counts.sequence_id and wanted.role = predicate_counts.role

),

-- A null or missing property equals nothing, so it never counts.
satisfied as (

    select
        named.sequence_id,
        named.role,
        named.event_id,
        count(*) as predicates
    from named
    inner join {{ source('raw', 'sequence_predicates') }} as predicates
        on
            named.sequence_id = predicates.sequence_id
            and named.role = predicates.role
            and {{ property_text('named.properties', 'named.number_texts', 'predicates.property') }} = predicates.value
    where named.predicates is not null
    group by named.sequence_id, named.role, named.event_id

)

select
    named.sequence_id,
    named.role,
    named.event_id,
    named.lead_id,
    named.occurred_at
from named
left join satisfied
    on
        named.sequence_id = satisfied.sequence_id
        and named.role = satisfied.role
        and named.event_id = satisfied.event_id
where
    named.predicates is null
    or named.predicates = satisfied.predicates
