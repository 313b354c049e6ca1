-- Who is a member: one row per lead. Any SQL over `stg_leads`, `stg_events` and models of your own.
-- The tick's instant is as_of(), never now(): a replay asks the same question of another day.
select lead_id
from {{ ref('stg_leads') }}
where created_at > {{ as_of() }} - interval '30 days'
