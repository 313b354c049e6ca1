-- name: rows
select * from read_parquet(?)

-- name: known_ticks
select
    as_of,
    phase,
    recorded_at
from journal.ticks
where as_of >= coalesce(?, timestamp '0001-01-01')

-- name: tick_of
select
    as_of,
    phase,
    recorded_at
from read_parquet(?)
