with

-- Deferred ones belong here too: they are no messages yet, but their domain is slow now.
attempts as (

    select
        message_id,
        sender,
        split_part(address, '@', -1) as recipient_domain,
        cast(sent_as_of as date) as day,
        status,
        refused_at
    from {{ ref('int_message_states') }}

),

-- A deferral of an attempt that was in doubt is none of the server's: it made the message due again.
deferred_by_server as (

    select distinct message_id
    from (
        select message_id
        from {{ source('raw', 'delivery_log') }}
        where outcome in ('deferred', 'in_doubt')
        group by message_id, attempt
        having count(case when outcome = 'in_doubt' then 1 end) = 0
    ) as attempts_deferred

),

classified as (

    select
        attempts.sender,
        attempts.recipient_domain,
        attempts.day,
        attempts.status = 'sent' as is_sent,
        coalesce(messages.is_delivered, false) as is_delivered,
        deferred_by_server.message_id is not null or messages.deferred_at is not null as is_deferred,
        case when attempts.status = 'sent' then messages.bounce_class end as bounce_class,
        attempts.status = 'sent' and messages.complained_at is not null as is_complaint,
        attempts.refused_at is not null as is_refused
    from attempts
    left join {{ ref('messages') }} as messages
        on attempts.message_id = messages.message_id
    left join deferred_by_server
        on attempts.message_id = deferred_by_server.message_id

),

daily_counts as (

    select
        sender,
        recipient_domain,
        day,
        count(case when is_sent then 1 end) as sent,
        count(case when is_delivered then 1 end) as delivered,
        count(case when is_deferred then 1 end) as deferred,
        count(case when bounce_class = 'hard' then 1 end) as bounced_hard,
        count(case when bounce_class = 'soft' then 1 end) as bounced_soft,
        count(case when is_complaint then 1 end) as complained,
        count(case when is_refused then 1 end) as refused,
        count(*) as attempted
    from classified
    group by sender, recipient_domain, day

)

select
    sender,
    recipient_domain,
    day,
    sent,
    delivered,
    deferred,
    bounced_hard,
    bounced_soft,
    complained,
    {{ rate('delivered', 'sent') }} as delivery_rate,
    {{ rate('deferred', 'attempted') }} as deferral_rate,
    {{ rate('bounced_hard', 'sent') }} as hard_bounce_rate,
    {{ rate('bounced_soft', 'sent') }} as soft_bounce_rate,
    {{ rate('complained', 'delivered') }} as complaint_rate,
    refused,
    attempted
from daily_counts
