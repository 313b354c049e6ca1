-- Content models of a tick (M9): what their files say, and what due messages show of them.

-- name: models
select content, key, is_many, fingerprint, failure from raw.content_models order by content

-- name: forget_models
delete from raw.content_models

-- name: failures
select content, file, reason from raw.content_failures order by content

-- name: forget_failures
delete from raw.content_failures

-- name: known_failures
-- Of a tick that has decided: what held sequences then.
select distinct
    substr(gates.gate, 9) as content,
    gates.reason
from journal.sequence_gates as gates
where gates.as_of = (select as_of from raw.tick) and gates.kind = 'content' and gates.is_holding
order by content

-- name: is_used
select exists (select 1 from raw.step_content)

-- name: shows_nothing
select not exists (select 1 from raw.due_content)

-- name: forget_shown
delete from raw.due_content

-- name: keys
-- Asked once, and read again and again.
create or replace temp table due_keys as
select * from decide.content_keys

-- name: asked
-- The content models that due steps use.
select distinct
    content,
    key,
    is_many,
    is_missing,
    failure
from due_keys
order by content

-- name: shown_before
-- What the messages showed that stay as they are: those that were tried once, and those of a tick that has decided.
create or replace temp table shown_before as
select
    keys.message_id,
    max_by(known.content, struct_pack(as_of := known.as_of, recorded_at := known.recorded_at)) as content,
    max_by(known.content_types, struct_pack(as_of := known.as_of, recorded_at := known.recorded_at)) as content_types
from (select distinct message_id, attempt from due_keys) as keys
inner join journal.message_content as known
    on keys.message_id = known.message_id
where keys.attempt > 1 or known.as_of = (select as_of from raw.tick)
group by keys.message_id

-- name: shown_before for postgres
create or replace temp table shown_before as
select distinct on (keys.message_id)
    keys.message_id,
    known.content,
    known.content_types
from (select distinct message_id, attempt from due_keys) as keys
inner join journal.message_content as known
    on keys.message_id = known.message_id
where keys.attempt > 1 or known.as_of = (select as_of from raw.tick)
order by keys.message_id, known.as_of desc, known.recorded_at desc

-- name: parts
create or replace temp table content_parts (
    message_id varchar,
    content varchar,
    number bigint,                   -- of rows
    part varchar                     -- JSON
)

-- name: add_row
-- Of one model, a key's row; the placeholders stand for its name, quoted and as a literal, its key, and a struct of its
-- columns.
insert into content_parts
select
    keys.message_id,
    ${literal} as content,
    count(*) as number,
    cast(to_json(any_value(model._drips_row)) as varchar) as part
from due_keys as keys
inner join (
    select
        cast(model.${key} as varchar) as _drips_key,
        ${columns} as _drips_row
    from content.${name} as model
) as model
    on keys.key_value = model._drips_key
anti join shown_before as before
    on keys.message_id = before.message_id
where keys.content = ${literal}
group by keys.message_id

-- name: add_row for postgres
insert into content_parts
select
    keys.message_id,
    ${literal} as content,
    count(*) as number,
    cast((array_agg(row_to_json(model)))[1] as varchar) as part
from due_keys as keys
inner join content.${name} as model
    on keys.key_value = cast(model.${key} as varchar)
where
    keys.content = ${literal}
    and not exists (select 1 from shown_before as before where keys.message_id = before.message_id)
group by keys.message_id

-- name: add_rows
-- A key's rows in their order.
insert into content_parts
select
    keys.message_id,
    ${literal} as content,
    count(*) as number,
    cast(to_json(list(model._drips_row order by model._drips_row)) as varchar) as part
from due_keys as keys
inner join (
    select
        cast(model.${key} as varchar) as _drips_key,
        ${columns} as _drips_row
    from content.${name} as model
) as model
    on keys.key_value = model._drips_key
anti join shown_before as before
    on keys.message_id = before.message_id
where keys.content = ${literal}
group by keys.message_id

-- name: add_rows for postgres
insert into content_parts
select
    keys.message_id,
    ${literal} as content,
    count(*) as number,
    '[' || string_agg(cast(row_to_json(model) as varchar), ',' order by model) || ']' as part
from due_keys as keys
inner join content.${name} as model
    on keys.key_value = cast(model.${key} as varchar)
where
    keys.content = ${literal}
    and not exists (select 1 from shown_before as before where keys.message_id = before.message_id)
group by keys.message_id

-- name: too_many
-- Keys with more rows than were promised, or than anybody would want; and what is too long to be sent.
select
    parts.number,
    length(parts.part) as length,
    keys.key_value
from content_parts as parts
inner join due_keys as keys
    on parts.message_id = keys.message_id and parts.content = keys.content
where
    parts.content = ?
    and (parts.number > ? or length(parts.part) > ?)
order by parts.number desc, keys.key_value
limit 1

-- name: show
-- Parameters: the types of each model as a JSON object. A message that waited, and shows what it did, is in the journal.
create or replace temp table shown_now as
with

uses as (

    select
        keys.message_id,
        array_agg(keys.content order by keys.content) as models,
        '{' || coalesce(
            string_agg(cast(to_json(parts.content) as varchar) || ':' || parts.part, ',' order by parts.content), ''
        ) || '}' as content
    from due_keys as keys
    left join content_parts as parts
        on keys.message_id = parts.message_id and keys.content = parts.content
    anti join shown_before as before
        on keys.message_id = before.message_id
    group by keys.message_id

),

-- Steps are few, and so are the sets of models that they use.
types as (

    select
        models,
        '{' || array_to_string(
            list_transform(
                models,
                lambda model: cast(to_json(model) as varchar) || ':' || cast(json_extract(?, '/' || model) as varchar)
            ),
            ','
        ) || '}' as content_types
    from (select distinct models from uses)

)

select
    uses.message_id,
    uses.content,
    types.content_types,
    waited.message_id is null as is_new
from uses
inner join types
    on uses.models = types.models
left join raw.due_content as waited
    on
        uses.message_id = waited.message_id
        and uses.content = waited.content
        and types.content_types = waited.content_types

union all

select
    message_id,
    content,
    content_types,
    false as is_new
from shown_before

-- name: show for postgres
create or replace temp table shown_now as
with

uses as (

    select
        keys.message_id,
        array_agg(keys.content order by keys.content) as models,
        '{' || coalesce(
            string_agg(cast(to_json(parts.content) as varchar) || ':' || parts.part, ',' order by parts.content), ''
        ) || '}' as content
    from due_keys as keys
    left join content_parts as parts
        on keys.message_id = parts.message_id and keys.content = parts.content
    where not exists (select 1 from shown_before as before where keys.message_id = before.message_id)
    group by keys.message_id

),

-- Steps are few, and so are the sets of models that they use.
types as (

    select
        used.models,
        '{' || (
            select string_agg(cast(to_json(named.model) as varchar) || ':' || cast(known.types -> named.model as varchar), ',' order by named.nth)
            from unnest(used.models) with ordinality as named (model, nth)
        ) || '}' as content_types
    from (select distinct models from uses) as used
    cross join (select cast(? as json) as types) as known

)

select
    uses.message_id,
    uses.content,
    types.content_types,
    waited.message_id is null as is_new
from uses
inner join types
    on uses.models = types.models
left join raw.due_content as waited
    on
        uses.message_id = waited.message_id
        and uses.content = waited.content
        and types.content_types = waited.content_types

union all

select
    message_id,
    content,
    content_types,
    false as is_new
from shown_before

-- name: keep_shown
insert into raw.due_content select message_id, content, content_types, is_new from shown_now

-- name: close_keys
drop table if exists due_keys

-- name: close
drop table if exists shown_before

-- name: close_parts
drop table if exists content_parts

-- name: close_shown
drop table if exists shown_now

-- name: forget_declined
delete from raw.declined_steps

-- name: number_of_declined
select count(*) from raw.declined_steps

-- name: may_decline
select exists (
    select 1 from decide.due_steps as due
    inner join raw.sequence_steps as steps
        on due.sequence_id = steps.sequence_id and due.step_id = steps.step_id
    where steps.may_decline
)
