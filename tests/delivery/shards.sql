-- Beside due messages: a custom field, an event that triggered two of them, and content that was frozen for all.
update staging.stg_leads set plan = 'pro';
update decide.due_steps set trigger_kind = 'event', occurrence_id = 'ev' || (cast(substr(lead_id, 5) as integer) // 2);
insert into raw.events by name
select
    'ev' || n as event_id,
    'lead' || n as lead_id,
    'cart' as event,
    timestamp '2026-03-02 09:00:00' as occurred_at,
    '{"items": 2}' as properties,
    9.5 as value,
    1 as _load,
    1 as _line
from range(0, 31) as numbers(n);
insert into raw.due_content by name
select
    message_id,
    '{"offer": {"price": 19.90}}' as content,
    '{"offer": {"many": false, "columns": {"price": "DECIMAL(10,2)"}}}' as content_types,
    true as is_new
from decide.due_steps;
