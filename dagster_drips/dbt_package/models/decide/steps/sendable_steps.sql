-- Sending reads the delivery log as it stands then, its own earlier run at this tick included: nothing goes twice. For the
-- order of a tick it is what was sent before, or sending would wait for itself.
with

due as (

    select * from {{ ref('due_steps') }}

),

deliveries as (

    select * from {{ source('earlier_sends', 'delivery_log') }}
    where message_id in (select message_id from due)

),

states as (

    {{ message_states_of('deliveries') }}

)

select
    due.message_id,
    due.send_rank
from due
left join states
    on due.message_id = states.message_id
where
    states.message_id is null
    or (states.status = 'deferred' and states.attempts < due.attempt)
