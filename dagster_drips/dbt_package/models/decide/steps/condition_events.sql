-- Conditions ask of these people only (M6).
with

people as materialized (

    select enrollments.lead_id
    from (
        select lead_id, sequence_id from {{ ref('due_enrollments') }}
        union all
        select lead_id, sequence_id from {{ ref('new_enrollments') }}
    ) as enrollments
    inner join {{ source('raw', 'step_conditions') }} as conditions
        on enrollments.sequence_id = conditions.sequence_id and conditions.kind = 'event'

),

landed as (

    select *
    from {{ source('raw', 'events') }}
    where
        lead_id in (
            select lead_id from people
            union all
            select identities.anonymous_id
            from {{ ref('stg_identities') }} as identities
            inner join people
                on identities.lead_id = people.lead_id
        )
        and event in (select value from {{ source('raw', 'step_conditions') }} where kind = 'event')

)

select
    event_id,
    lead_id,
    event,
    occurred_at
from (
    {{ visible_events('landed', as_of()) }}
) as events
