-- What a tick asks of segments that keep their result (E10).

-- name: kept_results
select segment
from decide.segment_refreshes
where not is_due
order by segment
