-- E8
{{ config(meta={'dagster': {'ref': {'name': 'messages', 'package': 'drips'}}}) }}
select messages.*
from {{ ref('messages') }} as messages
inner join {{ ref('enrollments') }} as enrollments
    on messages.enrollment_id = enrollments.enrollment_id
where enrollments.arm = 'control'
