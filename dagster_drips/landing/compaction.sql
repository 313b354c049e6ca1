-- name: loaded_before
-- Files that were loaded on earlier days by ticks that are in the journal, by the order of loading.
select
    kind,
    substr(path, length(kind) + 2) as name,
    sha256,
    cast(loaded_at as date) as day
from raw.loaded_files
where
    loaded_at < ?
    and load_id <= (select coalesce(max(last_load_id), 0) from journal.ticks)
order by load_id
