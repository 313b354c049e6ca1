-- Up to where the tables of schema `kept` are current.

-- name: page_events
select page_events from raw.project_settings

-- name: tables
-- Those that there are: somebody may have dropped one.
select string_agg(table_name, ',' order by table_schema, table_name)
from information_schema.tables
where
    table_schema = 'kept'
    or (table_schema = 'segments' and table_type = 'BASE TABLE')   -- results that segments keep (E10)

-- name: is_current
-- Whether they are to be brought up to date. What they depend on has changed, or the warehouse was taken back to an earlier state:
-- then they are to be made anew.
select exists (
    select 1
    from raw.watermark as watermark
    where
        watermark.made_of = ?
        and watermark.tables = ?
        and watermark.as_of <= (select max(as_of) from journal.ticks where phase = 'decided')
        and watermark.load_id <= (select coalesce(max(load_id), 0) from raw.loaded_files)
)

-- name: forget_next
delete from raw.next_watermark

-- name: note_next
insert into raw.next_watermark
select
    coalesce(max(load_id), 0) as load_id,
    ?::varchar as made_of
from raw.loaded_files

-- name: read_late
update raw.late_deliveries set is_read = true

-- name: forget
delete from raw.watermark

-- name: drop_kept
drop schema if exists kept cascade

-- name: set
insert into raw.watermark
select
    ?::timestamp as as_of,
    load_id,
    made_of,
    coalesce(?::varchar, '') as tables
from raw.next_watermark

-- name: forget_sequences
delete from raw.watermark_sequences

-- name: set_sequences
insert into raw.watermark_sequences
select sequence_id, mark from decide.sequence_marks

-- name: forget_late
delete from raw.late_deliveries where is_read

-- name: note_late
-- A message of a tick before the watermark's.
insert into raw.late_deliveries
select
    unnest(string_to_array(?::varchar, ' ')) as message_id,
    false as is_read

-- name: as_of
select max(as_of) from raw.watermark
