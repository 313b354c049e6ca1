-- A batch of due messages, copied for processes that have no warehouse: each gets a part, and tables of the same names.

-- name: due
-- A stretch of ranks.
select due.*
from sending
inner join decide.due_steps as due on sending.send_rank = due.send_rank and sending.message_id = due.message_id
where sending.send_rank > $after and sending.send_rank <= $upto and due.send_rank > $after and due.send_rank <= $upto
order by due.send_rank

-- name: events
-- Those that triggered them.
select
    events.event_id, events.lead_id, events.event, events.occurred_at, events.received_at, events.properties, events.value,
    events.currency
from raw.events as events
where events.event_id in (
    select due.occurrence_id
    from sending
    inner join decide.due_steps as due on sending.send_rank = due.send_rank and sending.message_id = due.message_id
    where sending.send_rank > $after and sending.send_rank <= $upto and due.trigger_kind = 'event'
)

-- name: leads
-- Their leads; the placeholder stands for the names of columns, quoted and with their table.
select ${columns}
from staging.stg_leads as leads
where leads.lead_id in (
    select due.lead_id
    from sending
    inner join decide.due_steps as due on sending.send_rank = due.send_rank and sending.message_id = due.message_id
    where sending.send_rank > $after and sending.send_rank <= $upto
)

-- name: content
-- What they show of content models (M9).
select content.message_id, content.content, content.content_types
from raw.due_content as content
where content.message_id in (
    select sending.message_id from sending where sending.send_rank > $after and sending.send_rank <= $upto
)

-- name: versions
-- What templates are compiled from, of all of them.
select distinct versions.sequence_id, versions.version_id, versions.definition, versions.files, versions.attached_files
from journal.sequence_versions as versions
inner join decide.due_steps as due
    on versions.sequence_id = due.sequence_id and versions.version_id = due.version_id
inner join sending on due.message_id = sending.message_id

-- name: settings
select timezone, servers from raw.project_settings

-- name: identities
select
    address, servers, return_path, verp, dkim_domain, dkim_selector, sender_id, connections, rate_messages,
    rate_per_seconds
from raw.sender_identities

-- name: domains
select domain, connections, rate_messages, rate_per_seconds from raw.recipient_domains

-- name: create_schema_raw
create schema raw

-- name: create_schema_decide
create schema decide

-- name: create_schema_staging
create schema staging

-- name: create_schema_journal
create schema journal

-- name: take_due
create table decide.due_steps as select * from read_parquet($files)

-- name: take_sendable
create view decide.sendable_steps as select message_id, send_rank from decide.due_steps

-- name: take_events
-- One event may have triggered several messages.
create table raw.events as select distinct on (event_id) * from read_parquet($files)

-- name: take_leads
create table staging.stg_leads as select distinct on (lead_id) * from read_parquet($files)

-- name: take_content
create table raw.due_content as select * from read_parquet($files)

-- name: take_versions
create table journal.sequence_versions as select * from read_parquet($files)

-- name: take_settings
create table raw.project_settings as select * from read_parquet($files)

-- name: take_identities
create table raw.sender_identities as select * from read_parquet($files)

-- name: take_domains
create table raw.recipient_domains as select * from read_parquet($files)
