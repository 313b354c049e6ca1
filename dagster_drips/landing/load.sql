-- name: reported_files
-- Files that were told of as a whole, each with the state that it had.
select
    file,
    row
from raw.rejected_rows
where kind = ? and line = 0

-- name: last_load_id
select coalesce(max(load_id), 0) from raw.loaded_files

-- name: memory_limit
select current_setting('memory_limit')

-- name: memory_limit for postgres
-- The server has limits of its own.
select null

-- name: set_memory_limit
set memory_limit = ?

-- name: set_memory_limit for postgres
select ?

-- name: forgotten
select count(*) from raw.forgotten

-- name: clear_forgotten
delete from raw.forgotten

-- name: parquet_columns
select
    name,
    logical_type,
    converted_type
from parquet_schema(?)

-- name: lead_columns
select
    column_name as name,
    data_type as sql_type,
    is_nullable = 'NO' as is_required
from information_schema.columns
where table_schema = 'raw' and table_name = 'leads'
order by ordinal_position

-- name: fill_wider_leads
insert into raw._drips_leads by name
from raw.leads

-- name: drop_narrow_leads
drop table raw.leads

-- name: name_wider_leads
alter table raw._drips_leads rename to leads
