-- Leads that somebody looks for, as they were published last.

-- name: found
-- By the beginning of a lead_id or an address.
select
    lead_id,
    email
from marts.lead_profiles
where starts_with(lower(lead_id), lower($text)) or starts_with(lower(email), lower($text))
order by lead_id = $text desc, lower(email) = lower($text) desc, lead_id
limit 20

-- name: mailed
-- Whom mail went to last.
select
    lead_id,
    email
from marts.lead_profiles
order by last_sent_at desc nulls last, lead_id
limit 20

-- name: profile
select *
from marts.lead_profiles
where lead_id = $lead
