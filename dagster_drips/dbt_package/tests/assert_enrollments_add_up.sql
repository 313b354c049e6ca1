-- Everybody who was enrolled is active, completed or exited.
select *
from {{ ref('sequence_performance') }}
where enrolled + completed + exited <> enrolled_total
