-- name: answers_to_unknown_mail
-- Earlier ones may be of mail that another system sent by the same provider.
select
    count(distinct engagement.message_id) as messages,
    max(engagement.occurred_at) as latest
from raw.engagement as engagement
left join raw.delivery_log as deliveries
    on engagement.message_id = deliveries.message_id
where
    deliveries.message_id is null
    and engagement.occurred_at > coalesce(
        (select max(recorded_at) from raw.delivery_log), timestamp '0001-01-01'
    )
