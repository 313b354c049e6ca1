select
    marks.sequence_id,
    marks.mark
from {{ ref('sequence_marks') }} as marks
left join {{ source('raw', 'watermark_sequences') }} as before
    on marks.sequence_id = before.sequence_id and marks.mark = before.mark
where before.sequence_id is null
