-- As fill_engagement_ids.sql, to the letter. Engagement that was landed without an idempotency key gets one from its content: the same fact landed twice is one.

update landing_staged
set engagement_id = md5(
    concat_ws(
        chr(31),
        message_id,
        type,
        coalesce(to_char(occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.US'), ''),
        coalesce(topic, ''),
        coalesce(url, ''),
        coalesce(user_agent, ''),
        coalesce(ip, ''),
        coalesce(bounce_class, ''),
        coalesce(detail, '')
    )
)
where engagement_id is null;
