-- Messages in doubt with the attempt that left them so, and what is known of others by their id.

-- name: any
-- Most projects never have one, and this is asked at every send: what follows reads the whole log.
select exists (select 1 from raw.delivery_log where outcome in ('in_doubt', 'claimed'))

-- name: in_doubt
select *
from (
    select distinct on (log.message_id) log.*
    from after_sending.message_states_after_sending as messages
    inner join raw.delivery_log as log
        on messages.message_id = log.message_id and messages.attempts = log.attempt
    where messages.status = 'in_doubt' and log.outcome in ('in_doubt', 'claimed')
    order by log.message_id, log.outcome = 'in_doubt' desc, log.recorded_at desc
) as log
order by as_of, sequence_id, step_id, message_id

-- name: status
select status from after_sending.message_states_after_sending where message_id = ?
