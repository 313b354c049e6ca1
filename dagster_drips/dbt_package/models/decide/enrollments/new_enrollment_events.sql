{{ config(materialized='table', meta={'empty_without': ['new_enrollments']}) }}

-- Whatever these people did before counts as well as what is new.
select
    event_id,
    lead_id,
    event,
    occurred_at,
    properties,
    number_texts,
    is_refund
from (
    {{ events_of_people(ref('new_enrollments'), ref('asked_events')) }}
) as events
