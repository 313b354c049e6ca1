-- Whom a preview is rendered for, from what a tick has staged.

-- name: lead
select * from staging.stg_leads where lead_id = $lead or lower(email) = lower($lead) order by lead_id limit 1

-- name: event_of_lead
-- The latest event of a name, of one lead.
select * from raw.events where event = $event and lead_id = $lead order by occurred_at desc, event_id limit 1

-- name: event
select * from raw.events where event = $event order by occurred_at desc, event_id limit 1
