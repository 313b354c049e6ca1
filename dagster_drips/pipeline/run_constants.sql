-- What stands still while models run.

-- name: constants
select
    (select max(as_of) from raw.tick) as as_of,
    (select max(as_of) from raw.watermark) as since,
    (select max(load_id) from raw.watermark) as load_id
