{{ config(materialized='table') }}

-- Whatever these people did before counts as well as what is new.
with

people as materialized (

    select lead_id from {{ ref('new_enrollments') }}
    union
    select identities.anonymous_id as lead_id
    from {{ ref('stg_identities') }} as identities
    inner join {{ ref('new_enrollments') }} as enrollments
        on identities.lead_id = enrollments.lead_id

),

landed as (

    select *
    from {{ source('raw', 'events') }}
    where
        lead_id in (select lead_id from people)
        and event in (select event from {{ ref('wanted_events') }})

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
    {{ visible_events('landed', as_of()) }}
) as events
