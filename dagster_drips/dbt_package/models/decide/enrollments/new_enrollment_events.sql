{{ config(materialized='table', meta={'empty_without': ['new_enrollments']}) }}

-- What these people did since their triggers counts, whenever it landed.
select
    event_id,
    lead_id,
    event,
    occurred_at,
    properties,
    number_texts,
    is_refund
from (
    {{ events_of_people(ref('new_enrollments'), ref('asked_events'), earliest_trigger('of_new_enrollments')) }}
) as events
