with

-- A deferred attempt is not a message yet.
messages as (

    select * from {{ ref('int_message_states') }}
    where status in ('sent', 'failed', 'in_doubt')

),

facts as (

    select
        message_id,
        min(case when type = 'delivered' then effective_at end) as delivered_at,
        min(case when type = 'opened' and is_human then effective_at end) as first_opened_at,
        min(case when type = 'clicked' and is_human then effective_at end) as first_clicked_at,
        min(case when type = 'bounced' then effective_at end) as bounced_at,
        min(case when type = 'bounced' and bounce_class <> 'soft' then effective_at end) as hard_bounced_at,
        min(case when type = 'unsubscribed' then effective_at end) as unsubscribed_at,
        min(case when type = 'complained' then effective_at end) as complained_at,
        min(case when type = 'replied' then effective_at end) as replied_at,
        min(case when type = 'deferred' then effective_at end) as deferred_at,
        max(
            case when type = 'replied' or (type in ('opened', 'clicked') and is_human) then effective_at end
        ) as last_engaged_at,
        count(case when type = 'opened' then 1 end) as opens,
        count(case when type = 'clicked' then 1 end) as clicks,
        count(case when type = 'opened' and is_human then 1 end) as human_opens,
        count(case when type = 'clicked' and is_human then 1 end) as human_clicks
    from {{ ref('int_engagement_facts') }}
    where effective_at <= {{ as_of() }}
    group by message_id

),

-- A sender whose provider has once said what was delivered is believed from that message on: silence is then no delivery.
reporting_senders as (

    select
        messages.sender,
        min(messages.sent_as_of) as reports_from
    from messages
    inner join facts
        on messages.message_id = facts.message_id
    where facts.delivered_at is not null
    group by messages.sender

)

select
    messages.message_id,
    messages.enrollment_id,
    messages.sequence_id,
    messages.step_id,
    messages.variant_id,
    messages.lead_id,
    messages.sender,
    messages.recipient,
    messages.scheduled_at,
    messages.sent_as_of,
    messages.status,
    facts.delivered_at,
    facts.first_opened_at,
    facts.first_clicked_at,
    coalesce(messages.refused_at, facts.bounced_at) as bounced_at,
    facts.unsubscribed_at,
    facts.complained_at,
    facts.replied_at,
    coalesce(facts.opens, 0) as opens,
    coalesce(facts.clicks, 0) as clicks,
    coalesce(facts.human_opens, 0) as human_opens,
    coalesce(facts.human_clicks, 0) as human_clicks,
    case
        when messages.status <> 'sent' then false
        when facts.delivered_at is not null then true
        when facts.bounced_at is not null then false
        else reporting_senders.sender is null or messages.sent_as_of < reporting_senders.reports_from
    end as is_delivered,
    case
        when messages.refused_at is not null or facts.hard_bounced_at is not null then 'hard'
        when facts.bounced_at is not null then 'soft'
    end as bounce_class,
    split_part(messages.address, '@', -1) as recipient_domain,
    facts.deferred_at,
    facts.last_engaged_at,
    messages.refused_at,
    messages.attempts,
    messages.smtp_code,
    messages.enhanced_code,
    messages.detail
from messages
left join facts
    on messages.message_id = facts.message_id
left join reporting_senders
    on messages.sender = reporting_senders.sender
