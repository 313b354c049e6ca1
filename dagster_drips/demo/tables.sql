-- What the demo shows of the marts at its end.

-- name: sequences
select
    sequence_id as sequence,
    enrolled_total as enrolled,
    enrolled as active,
    sent,
    bounced,
    open_rate,
    click_rate,
    unsubscribed,
    converted,
    conversion_rate,
    cast(revenue as double) as revenue
from marts.sequence_performance
order by sent desc, sequence_id

-- name: steps
select
    sequence_id as sequence,
    step_id as step,
    variant_id as variant,
    sent,
    opened,
    clicked,
    unsubscribed,
    open_rate,
    click_rate,
    click_to_open_rate
from marts.step_performance
where sent > 0
order by sent desc, sequence_id, position, variant_id
limit 10

-- name: decisions
select
    decision,
    count(*) as occurrences,
    count(distinct lead_id) as leads,
    count(distinct sequence_id) as sequences
from marts.enrollment_decisions
group by decision
order by occurrences desc, decision

-- name: landed
select
    kind,
    count(*) as files,
    sum(rows)::bigint as rows,
    sum(rejected)::bigint as rejected,
    sum(duplicates)::bigint as duplicates
from raw.loaded_files
group by kind
order by kind

-- name: latest_messages
select
    message_id,
    sequence_id || '/' || step_id as step,
    recipient
from marts.messages
where status = 'sent'
order by sent_as_of desc, message_id
limit 5

-- name: sent_at
-- The messages that went out at a tick.
select
    message_id,
    sequence_id,
    step_id,
    as_of
from raw.delivery_log
where outcome = 'sent' and as_of = ?
order by message_id
