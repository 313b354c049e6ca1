-- Two sets of sends laid side by side, person by person. `comparison.here` and `comparison.there` have the columns of
-- `sends` and `slot`, the instant by which times are compared.

-- name: schema
create schema if not exists comparison

-- name: received
-- Sends that came from elsewhere, as `sends` has them.
create or replace table comparison.received (
    as_of timestamp not null,
    message_id varchar not null,
    enrollment_id varchar not null,
    sequence_id varchar not null,
    step_id varchar not null,
    variant_id varchar,
    lead_id varchar not null,
    recipient varchar not null
)

-- name: here
-- What this replay would send; its times are compared as they are.
create or replace table comparison.here as
select
    as_of,
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    variant_id,
    lead_id,
    recipient,
    as_of as slot
from raw.delivery_log
where outcome = 'sent' and as_of between ? and ?

-- name: there
-- Ticks of life are no ticks of the replay: a mail counts as sent at the replay's first tick at or after its own. Of
-- another replay with the same ticks that is its own time.
create or replace table comparison.there as
select
    *,
    $start::timestamp
    + to_seconds(cast(ceil(epoch(as_of - $start::timestamp) / $seconds::double) * $seconds::double as bigint)) as slot
from comparison.received

-- name: differences
-- The same message first; what is left of either side by person, sequence and step, in the order of time. What a person
-- gets at the same time in the same variant, only by another enrollment, is told apart: nobody's mail changes.
create or replace table comparison.differences as
with

same_message as (

    select
        here.message_id as here_message_id,
        there.message_id as there_message_id
    from comparison.here as here
    inner join comparison.there as there
        on here.message_id = there.message_id

),

here_left as (

    select
        here.*,
        row_number() over (
            partition by here.sequence_id, here.step_id, here.lead_id order by here.slot, here.message_id
        ) as nth
    from comparison.here as here
    anti join same_message
        on here.message_id = same_message.here_message_id

),

there_left as (

    select
        there.*,
        row_number() over (
            partition by there.sequence_id, there.step_id, there.lead_id order by there.slot, there.message_id
        ) as nth
    from comparison.there as there
    anti join same_message
        on there.message_id = same_message.there_message_id

),

pairs as (

    select * from same_message

    union all

    select
        here_left.message_id as here_message_id,
        there_left.message_id as there_message_id
    from here_left
    full outer join there_left
        on
            here_left.sequence_id = there_left.sequence_id
            and here_left.step_id = there_left.step_id
            and here_left.lead_id = there_left.lead_id
            and here_left.nth = there_left.nth

)

select
    case
        when there.message_id is null then 'only_here'
        when here.message_id is null then 'only_there'
        when here.slot <> there.slot then 'other_time'
        when here.variant_id is distinct from there.variant_id then 'other_variant'
        else 'other_enrollment'
    end as difference,
    coalesce(here.sequence_id, there.sequence_id) as sequence_id,
    coalesce(here.step_id, there.step_id) as step_id,
    coalesce(here.lead_id, there.lead_id) as lead_id,
    coalesce(here.recipient, there.recipient) as recipient,
    here.as_of as here_as_of,
    there.as_of as there_as_of,
    here.variant_id as here_variant_id,
    there.variant_id as there_variant_id,
    here.enrollment_id as here_enrollment_id,
    there.enrollment_id as there_enrollment_id,
    here.message_id as here_message_id,
    there.message_id as there_message_id
from pairs
left join comparison.here as here
    on pairs.here_message_id = here.message_id
left join comparison.there as there
    on pairs.there_message_id = there.message_id
where
    here.message_id is distinct from there.message_id
    or here.slot <> there.slot
    or here.variant_id is distinct from there.variant_id
order by difference, sequence_id, step_id, lead_id, here_as_of, there_as_of

-- name: counts
select
    difference,
    sequence_id,
    count(*) as mails
from comparison.sends
group by difference, sequence_id
order by difference, sequence_id

-- name: same
-- Mails that nothing distinguishes.
select count(*)
from comparison.here as here
inner join comparison.there as there
    on
        here.message_id = there.message_id
        and here.slot = there.slot
        and here.variant_id is not distinct from there.variant_id

-- name: name_sends
alter table comparison.differences rename to sends

-- name: drop_earlier
drop table if exists comparison.sends

-- name: drop_here
drop table comparison.here

-- name: drop_there
drop table comparison.there

-- name: drop_received
drop table comparison.received
