-- Up to where the marts are current that a tick brings up to date.

-- name: settings
-- Of the project's settings those that the rows of these marts depend on.
select
    page_events,
    attribution_click_seconds,
    attribution_open_seconds,
    attribution_half_life_seconds
from raw.project_settings

-- name: read
select
    (select max(as_of) from raw.tick) as as_of,
    (select coalesce(max(load_id), 0) from raw.loaded_files) as load_id

-- name: is_current
-- Whether they are to be brought up to date: not where what they depend on has changed, nor in a warehouse that was taken back.
select exists (
    select 1
    from raw.marts_watermark as watermark
    where
        watermark.made_of = ?
        and watermark.as_of <= (select max(as_of) from raw.tick)
        and watermark.load_id <= (select coalesce(max(load_id), 0) from raw.loaded_files)
)

-- name: forget
delete from raw.marts_watermark

-- name: forget_unmeasured
delete from raw.unmeasured_deliveries

-- name: set
insert into raw.marts_watermark
values (?::timestamp, ?::bigint, ?::varchar)

-- name: as_of
select max(as_of) from raw.marts_watermark

-- name: note_unmeasured
insert into raw.unmeasured_deliveries
select unnest(string_to_array(?::varchar, ' '))
