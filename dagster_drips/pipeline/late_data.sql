-- Rows that a project knew of later than they happened: by their own `received_at`, or because the tick that loaded their
-- file was not the first one after they occurred. Tables of schema `late` live in a replay's throw-away warehouse.

-- name: loads
-- Of a project's own warehouse: which tick decided first with a file's rows, and the tick before it.
with

ticks as (

    select
        as_of,
        last_load_id,
        lag(as_of) over (order by as_of) as previous_as_of,
        lag(last_load_id, 1, 0) over (order by as_of) as previous_load_id
    from (
        select
            as_of,
            max(last_load_id) as last_load_id
        from journal.ticks
        where phase = 'decided'
        group by as_of
    ) as decided

)

select
    files.path,
    ticks.as_of as known_as_of,
    ticks.previous_as_of
from raw.loaded_files as files
inner join ticks
    on files.load_id <= ticks.last_load_id and files.load_id > ticks.previous_load_id

-- name: schema
create schema if not exists late

-- name: loads_table
create or replace table late.loads (
    path varchar not null,
    known_as_of timestamp not null,
    previous_as_of timestamp
)

-- name: files
-- What the first tick loads is history; a file that no tick of the project loaded is known from the start.
create or replace table late.files as
select
    loaded.load_id,
    loaded.path,
    loads.known_as_of,
    loads.previous_as_of
from raw.loaded_files as loaded
left join late.loads as loads
    on loaded.path = loads.path

-- name: rows
-- One row per late row: when it occurred, when it was known.
create or replace table late.rows as
with

landed as (

    select
        'events' as kind,
        _load,
        _line,
        lead_id,
        cast(null as varchar) as address,
        cast(null as varchar) as message_id,
        event,
        occurred_at,
        coalesce(received_at, occurred_at) as received_at
    from raw.events

    union all

    select
        'leads' as kind,
        _load,
        _line,
        lead_id,
        cast(null as varchar) as address,
        cast(null as varchar) as message_id,
        cast(null as varchar) as event,
        coalesce(updated_at, created_at) as occurred_at,
        coalesce(updated_at, created_at) as received_at
    from raw.leads

    union all

    select
        'suppressions' as kind,
        _load,
        _line,
        cast(null as varchar) as lead_id,
        lower(trim(email)) as address,
        cast(null as varchar) as message_id,
        cast(null as varchar) as event,
        occurred_at,
        occurred_at as received_at
    from raw.suppressions

    union all

    select
        'engagement' as kind,
        _load,
        _line,
        cast(null as varchar) as lead_id,
        cast(null as varchar) as address,
        message_id,
        type as event,
        occurred_at,
        occurred_at as received_at
    from raw.engagement

),

known as (

    select
        landed.*,
        files.path,
        case
            when landed.occurred_at <= files.previous_as_of then greatest(landed.received_at, files.known_as_of)
            else landed.received_at
        end as known_at
    from landed
    left join late.files as files
        on landed._load = files.load_id

)

select
    kind,
    path as file,
    _line as line,
    lead_id,
    address,
    message_id,
    event,
    occurred_at,
    known_at
from known
where known_at > occurred_at

-- name: forget_receipt
-- As it happened: an event is visible when it occurred (T2 with no `received_at`).
update raw.events set received_at = null where received_at > occurred_at

-- name: hold_events
create or replace table late.events as
select events.*, files.known_as_of
from raw.events as events
inner join late.files as files
    on events._load = files.load_id
where events.occurred_at <= files.previous_as_of

-- name: hold_leads
create or replace table late.leads as
select leads.*, files.known_as_of
from raw.leads as leads
inner join late.files as files
    on leads._load = files.load_id
where coalesce(leads.updated_at, leads.created_at) <= files.previous_as_of

-- name: hold_suppressions
create or replace table late.suppressions as
select suppressions.*, files.known_as_of
from raw.suppressions as suppressions
inner join late.files as files
    on suppressions._load = files.load_id
where suppressions.occurred_at <= files.previous_as_of

-- name: hold_engagement
create or replace table late.engagement as
select engagement.*, files.known_as_of
from raw.engagement as engagement
inner join late.files as files
    on engagement._load = files.load_id
where engagement.occurred_at <= files.previous_as_of

-- name: take_away_events
delete from raw.events where (_load, _line) in (select (_load, _line) from late.events)

-- name: take_away_leads
delete from raw.leads where (_load, _line) in (select (_load, _line) from late.leads)

-- name: take_away_suppressions
delete from raw.suppressions where (_load, _line) in (select (_load, _line) from late.suppressions)

-- name: take_away_engagement
delete from raw.engagement where (_load, _line) in (select (_load, _line) from late.engagement)

-- name: give_back_events
insert into raw.events by name select * exclude (known_as_of) from late.events where known_as_of <= ?

-- name: give_back_leads
insert into raw.leads by name select * exclude (known_as_of) from late.leads where known_as_of <= ?

-- name: give_back_suppressions
insert into raw.suppressions by name select * exclude (known_as_of) from late.suppressions where known_as_of <= ?

-- name: give_back_engagement
insert into raw.engagement by name select * exclude (known_as_of) from late.engagement where known_as_of <= ?

-- name: given_back_events
delete from late.events where known_as_of <= ?

-- name: given_back_leads
delete from late.leads where known_as_of <= ?

-- name: given_back_suppressions
delete from late.suppressions where known_as_of <= ?

-- name: given_back_engagement
delete from late.engagement where known_as_of <= ?

-- name: late_sends
-- One row per mail that came out otherwise than if everything had been known when it happened, with the late row that
-- most likely did it: of this lead's, occurred by then; one that the sequence names first, then the one that was late the
-- longest. Where there is none, another lead's mail was in the way (a limit).
create or replace table comparison.late_sends as
with

differing as (

    select
        *,
        row_number() over () as number,
        greatest(coalesce(here_as_of, there_as_of), coalesce(there_as_of, here_as_of)) as last_as_of
    from comparison.differences

),

named as (

    select sequence_id, trigger_event as event from raw.sequences
    where trigger_event is not null
    union
    select sequence_id, event from raw.sequence_exit_events
    union
    select sequence_id, value as event from raw.step_conditions
    where kind in ('event', 'opened', 'clicked')
    union
    select sequence_id, goal_event as event from decide.goal_spells

),

-- Whose a row is, now that anonymous ids and messages are known.
late_rows as (

    select
        rows.* exclude (lead_id),
        coalesce(identities.lead_id, rows.lead_id, sent.lead_id) as lead_id
    from late.rows as rows
    left join staging.stg_identities as identities
        on rows.lead_id = identities.anonymous_id
    left join (
        select distinct message_id, lead_id from raw.delivery_log
    ) as sent
        on rows.message_id = sent.message_id

),

causes as (

    select
        differing.number,
        rows.*,
        row_number() over (
            partition by differing.number
            order by
                named.event is null,
                epoch(rows.known_at) - epoch(rows.occurred_at) desc,
                rows.occurred_at,
                rows.file,
                rows.line
        ) as choice
    from differing
    inner join late_rows as rows
        on
            (differing.lead_id = rows.lead_id or lower(trim(differing.recipient)) = rows.address)
            and rows.occurred_at <= differing.last_as_of
    left join named
        on differing.sequence_id = named.sequence_id and rows.event = named.event

)

select
    case differing.difference
        when 'only_here' then 'missed'
        when 'only_there' then 'wrongly_sent'
        else differing.difference
    end as effect,
    differing.sequence_id,
    differing.step_id,
    differing.lead_id,
    differing.recipient,
    differing.here_as_of as as_happened_as_of,
    differing.there_as_of as as_known_as_of,
    differing.here_variant_id as as_happened_variant_id,
    differing.there_variant_id as as_known_variant_id,
    causes.kind,
    causes.file,
    causes.line,
    causes.event,
    causes.occurred_at,
    causes.known_at,
    cast(epoch(causes.known_at) - epoch(causes.occurred_at) as bigint) as delay_seconds
from differing
left join causes
    on differing.number = causes.number and causes.choice = 1
order by effect, sequence_id, step_id, lead_id

-- name: late_files
-- One row per kind and file with late rows, and one without a file for mails that another lead's displaced.
create or replace table comparison.late_files as
with

late_rows as (

    select
        kind,
        file,
        count(*) as late_rows,
        cast(quantile_disc(epoch(known_at) - epoch(occurred_at), 0.5) as bigint) as median_delay_seconds,
        cast(max(epoch(known_at) - epoch(occurred_at)) as bigint) as longest_delay_seconds
    from late.rows
    group by kind, file

),

mails as (

    select
        kind,
        file,
        count(*) filter (where effect = 'missed') as missed,
        count(*) filter (where effect = 'wrongly_sent') as wrongly_sent,
        count(*) filter (where effect = 'other_time') as other_time,
        count(*) filter (where effect = 'other_variant') as other_variant
    from comparison.late_sends
    group by kind, file

)

select
    coalesce(late_rows.kind, mails.kind) as kind,
    coalesce(late_rows.file, mails.file) as file,
    coalesce(late_rows.late_rows, 0) as late_rows,
    late_rows.median_delay_seconds,
    late_rows.longest_delay_seconds,
    coalesce(mails.missed, 0) as missed,
    coalesce(mails.wrongly_sent, 0) as wrongly_sent,
    coalesce(mails.other_time, 0) as other_time,
    coalesce(mails.other_variant, 0) as other_variant
from late_rows
full outer join mails
    on late_rows.kind = mails.kind and late_rows.file is not distinct from mails.file
order by kind, file

-- name: told
select * from comparison.late_files

-- name: number_of_late_sends
select count(*) from comparison.late_sends

-- name: drop_differences
drop table comparison.differences
