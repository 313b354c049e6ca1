-- Which content models fail, and for how many of those whom a sequence may mail one has no row (M9). The placeholders stand for its name and its key.

-- name: failures
-- Why dbt could not make a content model; NULL where it could.
select content, failure from raw.content_models

-- name: leads
-- Parameters: segments that a lead must be in, and must not be in, as JSON lists.
with

leads as (

    select leads.lead_id
    from staging.stg_mailable_leads as leads
    left join decide.segment_members as members
        on leads.lead_id = members.lead_id
    where leads.address is not null
    group by leads.lead_id
    having
        count(distinct case when list_contains(from_json($included, '["varchar"]'), members.segment) then members.segment end)
        = len(from_json($included, '["varchar"]'))
        and count(case when list_contains(from_json($excluded, '["varchar"]'), members.segment) then 1 end) = 0

)

select
    count(*) as total,
    count(*) - count(keys.key) as without
from leads
left join (select distinct cast(model.${key} as varchar) as key from content.${name} as model) as keys
    on leads.lead_id = keys.key

-- name: events
-- Parameters: the trigger's event, and the JSON pointer of the property that is the key; NULL: its event_id is.
with

events as (

    select coalesce(json_extract_string(properties, $pointer), case when $pointer is null then event_id end) as key
    from staging.stg_events
    where event = $event

)

select
    count(*) as total,
    count(*) - count(keys.key) as without
from events
left join (select distinct cast(model.${key} as varchar) as key from content.${name} as model) as keys
    on events.key = keys.key
