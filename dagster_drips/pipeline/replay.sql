-- name: sends
select
    as_of,
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    variant_id,
    lead_id,
    recipient
from raw.delivery_log
where outcome = 'sent' and as_of between ? and ?
order by as_of, message_id
