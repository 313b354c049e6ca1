-- The page People: one lead, and one timeline of everything.

-- name: sequences
select
    sequence_id,
    status,
    last_decision,
    arm,
    exit_reason,
    sent,
    opened,
    clicked,
    next_step_id,
    next_scheduled_at
from marts.lead_sequences
where lead_id = $lead
order by last_decided_at desc, sequence_id

-- name: timeline
select
    occurred_at,
    kind,
    what,
    detail,
    sequence_id,
    step_id
from marts.lead_timeline
where lead_id = $lead
order by occurred_at desc, turn desc, source_id
limit $most

-- name: explanations
select
    sequence_id,
    enrollment_id,
    step_id,
    state,
    text,
    rule
from marts.explanations
where lead_id = $lead
order by sequence_id, enrollment_id nulls last, position

-- name: mails
select
    messages.message_id,
    messages.sent_as_of,
    messages.sequence_id,
    messages.step_id,
    messages.variant_id,
    messages.version_id,
    coalesce(messages.delivery_state, messages.status) as became,
    messages.first_opened_at,
    messages.first_clicked_at,
    versions.subject
from marts.messages as messages
left join marts.sequence_versions as versions
    on messages.version_id = versions.version_id
    and messages.sequence_id = versions.sequence_id
    and messages.step_id = versions.step_id
    and messages.variant_id is not distinct from versions.variant_id
where messages.lead_id = $lead
qualify row_number() over (partition by messages.message_id order by versions.version_number desc) = 1
order by messages.sent_as_of desc, messages.message_id
limit 200

-- name: sales
select
    occurred_at,
    event,
    gross_revenue,
    refunds,
    net_revenue,
    currency
from marts.sales
where lead_id = $lead
order by occurred_at desc
limit 200
