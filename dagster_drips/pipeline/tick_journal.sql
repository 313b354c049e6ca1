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

-- name: take_versions
-- Versions are recorded while loading, so the warehouse may have them already; commits made before a column was added
-- lack it.
insert into journal.sequence_versions by name (
    (select * from journal.sequence_versions limit 0)
    union all by name
    select * from read_parquet(?)
    except all
    select * from journal.sequence_versions
)

-- name: take_versions for postgres
insert into journal.sequence_versions by name (
    select new.*
    from read_parquet(?) as new
    where not exists (
        select 1
        from journal.sequence_versions as known
        where
            known.sequence_id = new.sequence_id
            and known.version_id = new.version_id
            and known.seen_at = new.seen_at
            and known.status = new.status
            and known.file_state = new.file_state
    )
)
