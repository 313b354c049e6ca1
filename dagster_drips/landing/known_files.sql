-- name: listed
-- Names below a kind's folder, and what is told of each: a state, a hash or nothing.
create or replace temp table landing_listed (name varchar, told varchar)

-- name: drop_listed
drop table if exists landing_listed

-- name: not_loaded
select listed.name
from landing_listed as listed
left join raw.loaded_files as loaded
    on loaded.path = ? || '/' || listed.name
where loaded.path is null

-- name: in_another_state
-- Loaded files that look otherwise than when their bytes were last looked at.
select
    listed.name,
    loaded.size,
    loaded.sha256
from landing_listed as listed
inner join raw.loaded_files as loaded
    on loaded.path = ? || '/' || listed.name
left join raw.file_states as states
    on states.path = loaded.path
where states.state is distinct from listed.told
order by listed.name

-- name: loaded_before
-- Files that were loaded on earlier days by ticks that are in the journal, in the order of loading.
select
    listed.name,
    loaded.sha256,
    cast(loaded.loaded_at as date) as day
from landing_listed as listed
inner join raw.loaded_files as loaded
    on loaded.path = ? || '/' || listed.name
where
    loaded.loaded_at < ?
    and loaded.load_id <= (select coalesce(max(last_load_id), 0) from journal.ticks)
order by loaded.load_id

-- name: with_other_bytes
select
    listed.name,
    loaded.size
from landing_listed as listed
inner join raw.loaded_files as loaded
    on loaded.path = ? || '/' || listed.name
where loaded.sha256 <> listed.told
order by listed.name

-- name: pack_states
select
    path,
    state
from raw.file_states
where path like 'packed/%'

-- name: with_contents
-- How many rows loaded files with these bytes brought.
select
    sha256,
    path,
    rows + rejected + duplicates as all_rows
from raw.loaded_files
where kind = ? and sha256 in (select unnest(?::varchar[]))
order by load_id desc

-- name: forget_states
delete from raw.file_states
where path in (select unnest(?::varchar[]))
