-- Up to where the tables of schema `kept` are current.

-- name: is_current
-- Whether they are to be brought up to date. What they depend on has changed, or the warehouse was taken back to an earlier state:
-- then they are to be made anew.
select exists (
    select 1
    from raw.watermark as watermark
    where
        watermark.made_of = ?
        and watermark.as_of <= (select max(as_of) from journal.ticks where phase = 'decided')
        and watermark.load_id <= (select coalesce(max(load_id), 0) from raw.loaded_files)
)

-- name: made_of
select md5(concat_ws(
    '|',
    (
        select string_agg(column_name || ' ' || data_type, ',' order by ordinal_position)
        from information_schema.columns
        where table_schema = 'raw' and table_name = 'leads'
    ),
    (select max(page_events) from raw.project_settings),
    (select string_agg(table_name, ',' order by table_name) from information_schema.tables where table_schema = 'kept')
))

-- name: forget
delete from raw.watermark

-- name: drop_kept
drop schema if exists kept cascade

-- name: set
insert into raw.watermark
select
    ?::timestamp as as_of,
    (select coalesce(max(load_id), 0) from raw.loaded_files) as load_id,
    ?::varchar as made_of

-- name: forget_sequences
delete from raw.watermark_sequences

-- name: set_sequences
insert into raw.watermark_sequences
select sequence_id, mark from decide.sequence_marks

-- name: forget_late
delete from raw.late_deliveries

-- name: note_late
-- A message of a tick before the watermark's.
insert into raw.late_deliveries
select unnest(string_split(?::varchar, ' '))

-- name: as_of
select max(as_of) from raw.watermark
