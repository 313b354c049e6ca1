-- E3: already_enrolled
select
    sequence_id,
    lead_id,
    count(*) as open_enrollments
from {{ ref('open_enrollments') }}
group by sequence_id, lead_id
having count(*) > 1
