-- name: open
-- What is due and may still be claimed, by rank: narrow, so that a million of them take little room, and read once, so
-- that what this run itself logs takes nothing away.
create or replace temp table sending as
select
    message_id,
    min(send_rank) as send_rank
from decide.sendable_steps
group by message_id
order by send_rank

-- name: forget_held
delete from raw.held_messages

-- name: forget_stops
delete from raw.sending_stops

-- name: hold_all_but
-- Parameters: addresses, then domains, as JSON lists; addresses compare as suppressions do (L3).
insert into raw.held_messages
select
    sending.message_id,
    'only_to' as reason
from sending
inner join decide.due_steps as due on sending.send_rank = due.send_rank and sending.message_id = due.message_id
where
    not list_contains(from_json(?, '["varchar"]'), due.address)
    and not list_contains(from_json(?, '["varchar"]'), split_part(due.address, '@', -1))

-- name: hold_all_but for postgres
insert into raw.held_messages
select
    sending.message_id,
    'only_to' as reason
from sending
inner join decide.due_steps as due on sending.send_rank = due.send_rank and sending.message_id = due.message_id
where
    due.address not in (select json_array_elements_text(?::json))
    and split_part(due.address, '@', -1) not in (select json_array_elements_text(?::json))

-- name: leave_held
delete from sending where message_id in (select message_id from raw.held_messages)

-- name: held
select count(*) from raw.held_messages

-- name: count
select count(*) from sending

-- name: other_tick
select max(as_of) from decide.due_steps where as_of <> ?

-- name: senders
select distinct due.sender_email
from sending
inner join decide.due_steps as due on sending.message_id = due.message_id
order by due.sender_email

-- name: last_rank
-- Where the next chunk ends: so many ranks after the one given.
select max(send_rank) from (select send_rank from sending where send_rank > ? order by send_rank limit ?) as next

-- name: versions
-- Whose templates are to be rendered.
select distinct due.sequence_id, due.version_id
from sending
inner join decide.due_steps as due on sending.message_id = due.message_id
order by due.sequence_id, due.version_id

-- name: chunk
-- A stretch of ranks, each message with its triggering event as a struct. No column of a lead is in reach here, so no
-- custom field's name can take the place of another one.
select
    due.*,
    case when events.event_id is not null then struct_pack(
        event_id := events.event_id,
        lead_id := events.lead_id,
        event := events.event,
        occurred_at := events.occurred_at,
        received_at := events.received_at,
        properties := events.properties,
        value := events.value,
        currency := events.currency
    ) end as event
from sending
inner join decide.due_steps as due on sending.send_rank = due.send_rank and sending.message_id = due.message_id
left join raw.events as events on due.trigger_kind = 'event' and due.occurrence_id = events.event_id
where sending.send_rank > $after and sending.send_rank <= $upto and due.send_rank > $after and due.send_rank <= $upto
order by due.send_rank

-- name: chunk for postgres
-- The fields of the struct are columns with its name before theirs.
select
    due.*,
    events.event_id as "event.event_id",
    events.lead_id as "event.lead_id",
    events.event as "event.event",
    events.occurred_at as "event.occurred_at",
    events.received_at as "event.received_at",
    events.properties as "event.properties",
    events.value as "event.value",
    events.currency as "event.currency"
from sending
inner join decide.due_steps as due on sending.send_rank = due.send_rank and sending.message_id = due.message_id
left join raw.events as events on due.trigger_kind = 'event' and due.occurrence_id = events.event_id
where sending.send_rank > $after and sending.send_rank <= $upto and due.send_rank > $after and due.send_rank <= $upto
order by due.send_rank

-- name: leads
-- Some columns of the leads of a chunk; the placeholder stands for their names, quoted and with their table.
select leads.lead_id as _drips_lead_id, ${columns}
from staging.stg_leads as leads
where leads.lead_id in (select unnest(from_json(?, '["varchar"]')))

-- name: leads for postgres
select leads.lead_id as _drips_lead_id, ${columns}
from staging.stg_leads as leads
where leads.lead_id in (select json_array_elements_text(?::json))

-- name: any_content
select exists (select 1 from raw.due_content)

-- name: content
-- What the messages of a chunk show of content models (M9).
select message_id, content, content_types
from raw.due_content
where message_id in (select unnest(from_json(?, '["varchar"]')))

-- name: content for postgres
select message_id, content, content_types
from raw.due_content
where message_id in (select json_array_elements_text(?::json))

-- name: open_declinable
-- The same as `open`, of the steps whose templates may decline (M10).
create or replace temp table sending as
select
    sendable.message_id,
    min(sendable.send_rank) as send_rank
from decide.sendable_steps as sendable
inner join decide.due_steps as due on sendable.message_id = due.message_id
inner join raw.sequence_steps as steps
    on due.sequence_id = steps.sequence_id and due.step_id = steps.step_id and steps.may_decline
group by sendable.message_id
order by send_rank

-- name: refused
-- Suppressed by now (L3).
select message_id from decide.refused_steps

-- name: exited
-- Bought, answered, or did what ends it, by now (L1).
select message_id from decide.exited_steps

-- name: last_load
select max(load_id) from raw.loaded_files

-- name: close
drop table if exists sending

-- name: identities
select
    address, servers, return_path, verp, dkim_domain, dkim_selector, sender_id, connections,
    cast(rate_messages as double precision) / rate_per_seconds as rate
from raw.sender_identities

-- name: domains
select domain, connections, cast(rate_messages as double precision) / rate_per_seconds as rate
from raw.recipient_domains

-- name: servers
select servers from raw.project_settings
