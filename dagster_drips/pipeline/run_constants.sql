-- What stands still while models run.

-- name: constants
select
    (select max(as_of) from raw.tick) as as_of,
    (select max(as_of) from raw.watermark) as watermark_as_of,
    (select max(load_id) from raw.watermark) as watermark_load_id,
    (select max(as_of) from raw.marts_watermark) as marts_watermark_as_of,
    (select max(load_id) from raw.marts_watermark) as marts_watermark_load_id

-- name: earliest_triggers
select
    of_new_enrollments,
    of_conditions
from decide.earliest_triggers
