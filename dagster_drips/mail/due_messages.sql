-- What is due and may still be claimed, each with its lead and its triggering event as structs.
-- "No mail server ever accepts one message_id twice": whatever the log settles, or has at this attempt, is left out.
with settled as (
    select message_id, max(attempt) as attempt, bool_or(outcome <> 'deferred') as is_final
    from raw.delivery_log
    group by message_id
)

select due.*, leads as lead, events as event
from decide.due_steps as due
left join settled on settled.message_id = due.message_id
left join staging.stg_leads as leads on leads.lead_id = due.lead_id
left join raw.events as events on due.trigger_kind = 'event' and events.event_id = due.occurrence_id
where settled.message_id is null or (not settled.is_final and settled.attempt < due.attempt)
qualify row_number() over (partition by due.message_id order by due.send_rank) = 1
order by due.send_rank
