-- Which rows of an intake model have changed since they were landed, and what landed files say of that.
-- The placeholders are relations, columns and expressions over columns, quoted.

-- name: see
-- Parameters: kind, as_of. Every row's key and content as digests, and the row itself where it is news.
create or replace temp table intake_seen as
with

model as (

    select ${columns}
    from ${relation} as model

),

keyed as (

    select
        *,
        ${key} as _drips_key,
        ${digest} as _drips_digest
    from model

)

select
    keyed._drips_key as key,
    keyed._drips_digest as digest,
    ${is_own} as is_own_key,
    case when ${is_news} then struct_pack(${fields}) end as news
from keyed
left join raw.intake_rows as known
    on keyed._drips_key = known.key and known.kind = $kind

-- name: counts
select
    count(*) as rows,
    count(*) filter (where key is null) as without_key
from intake_seen

-- name: repeated
select
    count(*) as keys,
    max(rows) as rows
from (
    select
        key,
        count(*) as rows
    from intake_seen
    where is_own_key
    group by key
    having count(*) > 1
)

-- name: repeated_key
-- One of them, for people.
select cast(model.${name} as varchar) as key
from ${relation} as model
where model.${name} is not null
group by model.${name}
having count(*) > 1
order by key
limit 1

-- name: take_news
create or replace temp table intake_news as
select unnest(news)
from (
    select
        news,
        row_number() over (partition by key) as nth
    from intake_seen
    where news is not null and key is not null
)
where nth = 1

-- name: somebody_is_forgotten
select exists (select 1 from raw.forgotten)

-- name: leave_out
-- Parameter: the kind of value, `lead` or `address`. Who was erased is not brought back.
delete from intake_news
using raw.forgotten as forgotten
where
    forgotten.kind = $kind
    and forgotten.hash = sha256(concat(forgotten.pepper, $kind, ':', ${value}))

-- name: address
-- As the package's macro of this name has it (L3).
translate(
    regexp_replace(
        cast(${email} as varchar), '^[\s\x0b\x1c-\x1f\x{85}\p{Z}]+|[\s\x0b\x1c-\x1f\x{85}\p{Z}]+$', '', 'g'
    ),
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    'abcdefghijklmnopqrstuvwxyz'
)

-- name: news
select count(*) from intake_news

-- name: write_news
copy intake_news to ${file} (format parquet, compression zstd)

-- name: gone
-- Who is in the model of leads no more, and was at an earlier tick; with the address that they had last.
create or replace temp table intake_gone as
with gone as (

    select known.key
    from raw.intake_rows as known
    anti join intake_seen as seen
        on known.key = seen.key
    where known.kind = 'leads' and known.digest is not null

)

select
    gone.key,
    any_value(leads.lead_id) as lead_id,
    arg_max(leads.email, {version_at: coalesce(leads.updated_at, leads.created_at), load_id: leads._load, line: leads._line}) as email
from gone
left join raw.leads as leads
    on gone.key = cast(md5(leads.lead_id) as uuid)
group by gone.key

-- name: gone_counts
select
    (select count(*) from intake_gone) as gone,
    (select count(*) from raw.intake_rows where kind = 'leads' and digest is not null) as known

-- name: write_gone
-- Parameters: as_of, absent.
copy (
    select
        email,
        'manual' as reason,
        cast(${as_of} as timestamp) as occurred_at,
        lead_id,
        ${absent} as absent
    from intake_gone
    where email is not null
    order by lead_id
) to ${file} (format parquet, compression zstd)

-- name: with_address
select count(*) from intake_gone where email is not null

-- name: note_gone
-- Those without an address are in no file.
update raw.intake_rows as known
set digest = null
from intake_gone as gone
where known.kind = 'leads' and known.key = gone.key

-- name: close
drop table if exists intake_seen

-- name: close_news
drop table if exists intake_news

-- name: close_gone
drop table if exists intake_gone

-- name: noted_files
select path from raw.intake_files

-- name: shapes
-- Files of the same columns are read together.
select
    parse_filename(file_name) as name,
    string_agg(concat_ws(' ', name, type, converted_type, logical_type, scale, precision), ',') as shape
from parquet_schema(${files})
group by file_name
order by name

-- name: begin_noting
create or replace temp table intake_noted (
    key uuid,
    digest uuid,
    file varchar
)

-- name: note
insert into intake_noted
with

landed as (

    select
        ${columns},
        parse_filename(model._drips_place) as _drips_file,
        strptime(regexp_extract(model._drips_place, '(\d{8}T\d{6})Z-\d{4}\.parquet$', 1), '%Y%m%dT%H%M%S') as _drips_as_of
    from read_parquet(${files}, filename = '_drips_place') as model

)

select
    ${key} as key,
    ${digest} as digest,
    replace(_drips_file, 'absent-', '') as file
from landed
where ${key} is not null

-- name: forget_noted
delete from raw.intake_rows as known
using (select distinct key from intake_noted) as noted
where known.kind = $kind and known.key = noted.key

-- name: keep_noted
insert into raw.intake_rows
select
    $kind as kind,
    key,
    arg_max_null(digest, file) as digest
from intake_noted
group by key

-- name: end_noting
drop table if exists intake_noted
