-- Whom a preview is rendered for, from what a tick has staged.

-- name: lead
select * from staging.stg_leads where lead_id = $lead or lower(email) = lower($lead) order by lead_id limit 1

-- name: content
-- What a content model says of a key (M9); the placeholders stand for its name, its key, and a struct of its columns. Without a key
-- it is somebody's row, and of many those of the same key.
with

model as (

    select
        cast(model.${key} as varchar) as _drips_key,
        ${columns} as _drips_row
    from content.${name} as model

)

select cast(to_json(list(_drips_row order by _drips_row)) as varchar) as shown
from model
where _drips_key = coalesce($of, (select min(_drips_key) from model))

-- name: content for postgres
select '[' || string_agg(cast(row_to_json(model) as varchar), ',' order by model) || ']' as shown
from content.${name} as model
where
    cast(model.${key} as varchar)
    = coalesce($of, (select min(cast(other.${key} as varchar)) from content.${name} as other))

-- name: event_of_lead
-- The latest event of a name, of one lead.
select * from raw.events where event = $event and lead_id = $lead order by occurred_at desc, event_id limit 1

-- name: event
select * from raw.events where event = $event order by occurred_at desc, event_id limit 1
