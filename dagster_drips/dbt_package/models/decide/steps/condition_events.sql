{{ config(materialized='table', meta={'empty_without': ['raw.step_conditions']}) }}

-- Conditions ask of these people only (M6).
with

asked as (

    select
        sequence_id,
        value as event
    from {{ source('raw', 'step_conditions') }}
    where kind = 'event'

),

people as {{ materialized() }} (

    select enrollments.lead_id
    from (
        select lead_id, sequence_id from {{ ref('due_enrollments') }}
        union all
        select lead_id, sequence_id from {{ ref('new_enrollments') }}
    ) as enrollments
    inner join asked
        on enrollments.sequence_id = asked.sequence_id

)

select
    event_id,
    lead_id,
    event,
    occurred_at
from (
    {{ events_of_people('people', 'asked', earliest_trigger('of_conditions')) }}
) as events
