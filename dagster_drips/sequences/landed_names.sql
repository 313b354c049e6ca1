-- name: events
-- What is asked for in vain is an event that never landed; without any event nothing is known yet.
select distinct event from raw.events

-- name: topics
select distinct topic from raw.suppressions where topic is not null
union
select distinct topic from raw.engagement where topic is not null
