-- name: open
-- What is due and may still be claimed, by rank: narrow, so that a million of them take little room.
-- "No mail server ever accepts one message_id twice": whatever the log settles, or has at this attempt, is left out.
create or replace temp table sending as
with settled as (
    select
        message_id,
        max(attempt) as attempt,
        -- a doubt that was resolved to a deferral leaves the message to its next attempt
        bool_or(outcome in ('sent', 'bounced', 'failed'))
        or arg_max(outcome, (attempt, outcome <> 'in_doubt')) = 'in_doubt' as is_final
    from raw.delivery_log
    semi join decide.due_steps using (message_id)
    group by message_id
)

select due.message_id, due.send_rank
from decide.due_steps as due
left join settled on due.message_id = settled.message_id
where settled.message_id is null or (not settled.is_final and settled.attempt < due.attempt)
qualify row_number() over (partition by due.message_id order by due.send_rank) = 1
order by due.send_rank

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
select max(send_rank) from (select send_rank from sending where send_rank > ? order by send_rank limit ?)

-- name: versions
-- Whose templates are to be rendered.
select distinct due.sequence_id, due.version_id
from sending
inner join decide.due_steps as due on sending.message_id = due.message_id
order by all

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

-- name: leads
-- Some columns of the leads of a chunk; the placeholder stands for their names, quoted and with their table.
select leads.lead_id as _drips_lead_id, ${columns}
from staging.stg_leads as leads
where leads.lead_id in (select unnest(from_json(?, '["varchar"]')))

-- name: refused
-- Suppressed by now (L3).
select message_id from decide.refused_steps

-- name: close
drop table if exists sending

-- name: identities
select
    address, servers, return_path, verp, dkim_domain, dkim_selector, sender_id, connections,
    rate_messages / rate_per_seconds as rate
from raw.sender_identities

-- name: domains
select domain, connections, rate_messages / rate_per_seconds as rate from raw.recipient_domains

-- name: servers
select servers from raw.project_settings
