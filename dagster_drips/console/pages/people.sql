-- The page People: one lead, and one timeline of everything.

-- name: found
-- By the beginning of a lead_id or an address.
select
    lead_id,
    email,
    first_name,
    last_name
from marts.lead_profiles
where lead_id ilike $like or email ilike $like
order by lead_id = $text desc, lower(email) = lower($text) desc, lead_id
limit 20

-- name: some
-- Whom mail went to last.
select
    lead_id,
    email,
    first_name,
    last_name
from marts.lead_profiles
order by last_sent_at desc nulls last, lead_id
limit 20

-- name: profile
select *
from marts.lead_profiles
where lead_id = $lead

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
    step_id,
    source_id
from marts.lead_timeline
where lead_id = $lead
order by occurred_at desc, turn desc, source_id
limit $most

-- name: explanations
select
    sequence_id,
    step_id,
    state,
    text,
    rule,
    next_outcome,
    next_at
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
    messages.sender,
    messages.recipient,
    messages.status,
    messages.delivery_state,
    messages.first_opened_at,
    messages.first_clicked_at,
    versions.subject,
    versions.preview_text
from marts.messages
left join (
    select distinct version_id, sequence_id, step_id, variant_id, subject, preview_text from marts.sequence_versions
) as versions
    on messages.version_id = versions.version_id
    and messages.sequence_id = versions.sequence_id
    and messages.step_id = versions.step_id
    and messages.variant_id is not distinct from versions.variant_id
where messages.lead_id = $lead
order by messages.sent_as_of desc
limit 200
