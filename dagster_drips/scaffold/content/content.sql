-- What templates show as content.NEW_NAME: here the latest events of a lead, several rows each. Without `rows`, one row a lead.
-- `key` names another column that finds the rows: {'key': 'order_id'}, a property of the event that triggers the sequence.
{{ config(meta={'rows': 'many'}) }}
-- Rows come in the order of their columns, the first one first: begin with what they are to be sorted by.
select
    lead_id,
    row_number() over (partition by lead_id order by occurred_at desc, event_id) as place,
    event,
    occurred_at
from {{ ref('stg_events') }}
-- The tick's instant is as_of(), never now(): a replay asks the same question of another day.
where occurred_at > {{ as_of() }} - interval '30 days'
qualify place <= 3
