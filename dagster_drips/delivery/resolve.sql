-- Messages in doubt with the attempt that left them so, and what is known of others by their id.

-- name: any
-- Most projects never have one, and this is asked at every send: what follows reads the whole log.
select exists (select 1 from raw.delivery_log where outcome in ('in_doubt', 'claimed'))

-- name: in_doubt
select log.*
from after_sending.message_states_after_sending as messages
inner join raw.delivery_log as log
    on messages.message_id = log.message_id and messages.attempts = log.attempt
where messages.status = 'in_doubt' and log.outcome in ('in_doubt', 'claimed')
qualify row_number() over (partition by log.message_id order by log.outcome = 'in_doubt' desc, log.recorded_at desc) = 1
order by log.as_of, log.sequence_id, log.step_id, log.message_id

-- name: status
select status from after_sending.message_states_after_sending where message_id = ?
