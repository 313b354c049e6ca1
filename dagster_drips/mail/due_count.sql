-- How many rows due_messages.sql has.
with settled as (
    select message_id, max(attempt) as attempt, bool_or(outcome <> 'deferred') as is_final
    from raw.delivery_log
    group by message_id
)

select count(distinct due.message_id)
from decide.due_steps as due
left join settled on settled.message_id = due.message_id
where settled.message_id is null or (not settled.is_final and settled.attempt < due.attempt)
