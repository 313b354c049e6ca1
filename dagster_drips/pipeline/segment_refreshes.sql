-- What a tick asks of segments that keep their result (E10).

-- name: kept_results
-- Whose table somebody dropped has nothing to keep.
select segment
from decide.segment_refreshes
where
    not is_due
    and segment in (select table_name from information_schema.tables where table_type = 'BASE TABLE')
order by segment
