{{ config(meta={'empty_without': ['raw.engagement']}) }}

-- Soft bounces in a row: nothing between two of them says that mail arrives. Two orders matter, so two counters. By time: a
-- delivery, a reply, a person's open or click. By sending: a message that was sent and never bounced; how late a bounce is
-- reported differs, so what was sent while it was still under way is no sign of anything.
with

policy as (

    select
        soft_bounce_count,
        soft_bounce_over_seconds
    from {{ source('raw', 'project_settings') }}
    where soft_bounce_count is not null

),

-- Without the setting this is empty, and with it nothing below is read: sending asks every second.
reported as {{ materialized() }} (

    select engagement.message_id
    from {{ source('raw', 'engagement') }} as engagement
    cross join policy
    where
        engagement.type = 'bounced'
        and engagement.bounce_class = 'soft'

),

-- Who may be concerned, a few more than who is: then only their messages are looked at.
recipients as {{ materialized() }} (

    select sent.recipient
    from (
        select distinct
            deliveries.message_id,
            lower(deliveries.recipient) as recipient
        from {{ source('earlier_sends', 'delivery_log') }} as deliveries
        where deliveries.message_id in (select message_id from reported)
    ) as sent
    inner join reported
        on sent.message_id = reported.message_id
    cross join policy
    group by sent.recipient
    having count(*) >= max(policy.soft_bounce_count)

),

message_ids as {{ materialized() }} (

    select distinct message_id
    from {{ source('earlier_sends', 'delivery_log') }}
    where lower(recipient) in (select recipient from recipients)

),

deliveries as (

    select *
    from {{ source('earlier_sends', 'delivery_log') }}
    where message_id in (select message_id from message_ids)

),

states as {{ materialized() }} (

    {{ message_states_of('deliveries') }}

),

engagement as (

    select *
    from {{ source('raw', 'engagement') }}
    where message_id in (select message_id from message_ids)

),

facts as {{ materialized() }} (

    select
        *,
        max(case when type = 'bounced' then effective_at end) over (partition by message_id) as last_bounced_at
    from (
        {{ engagement_facts_of('engagement', 'states') }}
    ) as engagement_facts

),

-- Reported twice for one instant (by the provider and by the mailbox) is once.
soft_bounces as (

    select distinct
        address,
        message_id,
        sent_at,
        effective_at
    from facts
    where
        type = 'bounced'
        and bounce_class = 'soft'

),

-- A provider that first took a message and then bounced it did not deliver it.
arrivals as (

    select
        address,
        effective_at as arrived_at
    from facts
    where
        type = 'replied'
        or (type in ('opened', 'clicked') and is_human)
        or (type = 'delivered' and effective_at > coalesce(last_bounced_at, timestamp '0001-01-01'))

),

silent_messages as (

    select
        messages.address,
        messages.recorded_at as sent_at
    from states as messages
    left join facts
        on
            messages.message_id = facts.message_id
            and facts.type = 'bounced'
    where
        messages.status = 'sent'
        and facts.message_id is null

),

by_time as (

    select
        address,
        message_id,
        sent_at,
        effective_at,
        sum(is_arrival) over (
            partition by address
            order by effective_at, is_arrival
            rows between unbounded preceding and current row
        ) as arrivals_before
    from (
        select address, message_id, sent_at, effective_at, 0 as is_arrival from soft_bounces
        union all
        select address, null, null, arrived_at, 1 from arrivals
    ) as steps

),

by_sending as (

    select
        *,
        sum(is_silent) over (
            partition by address
            order by sent_at, is_silent
            rows between unbounded preceding and current row
        ) as silent_before
    from (
        select *, 0 as is_silent from by_time
        where message_id is not null
        union all
        select address, null, sent_at, null, null, 1 from silent_messages
    ) as steps

),

in_rows as (

    select
        address,
        effective_at,
        min(effective_at) over (partition by address, arrivals_before, silent_before) as first_at,
        row_number() over (
            partition by address, arrivals_before, silent_before
            order by effective_at
        ) as nth
    from by_sending
    where message_id is not null

)

select
    in_rows.address,
    min(in_rows.effective_at) as bounced_out_at
from in_rows
cross join policy
where
    in_rows.nth >= policy.soft_bounce_count
    and in_rows.effective_at >= {{ add_seconds('in_rows.first_at', 'policy.soft_bounce_over_seconds') }}
group by in_rows.address
