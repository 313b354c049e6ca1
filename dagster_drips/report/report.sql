-- The numbers of a week and of the week before, from what is published (`drips.duckdb`, or a server's marts). $start is
-- the week's Monday; days are UTC days, as the marts' are. Which sums are allowed says docs/numbers.md.

-- name: as_of
select max(as_of) from marts.pipeline_latency

-- name: mail
-- Counts of messages by week; `is_this` tells the two apart.
select
    day >= $start as is_this,
    sum(sent) as sent,
    sum(delivered) as delivered,
    sum(delivered_tracked) as delivered_tracked,
    sum(opened) as opened,
    sum(clicked) as clicked,
    sum(unsubscribed) as unsubscribed,
    sum(complained) as complained,
    sum(bounced) + sum(refused) as bounced,
    sum(answered) as answered
from marts.sequence_performance_daily
where day >= $start - interval '7 days' and day < $start + interval '7 days'
group by is_this

-- name: conversions
-- A sale that counts for several sequences is one here.
select
    is_this,
    count(distinct event_id) filter (where is_first) as conversions,
    count(distinct event_id) as orders
from (
    select
        cast(occurred_at as date) >= $start as is_this,
        event_id,
        is_first
    from marts.conversions
    where
        arm = 'treatment'
        and is_counted
        and cast(occurred_at as date) >= $start - interval '7 days'
        and cast(occurred_at as date) < $start + interval '7 days'
) as counted
group by is_this

-- name: money
select
    currency,
    coalesce(sum(gross_revenue) filter (where is_this), 0) as gross_this,
    coalesce(sum(gross_revenue) filter (where not is_this), 0) as gross_before,
    coalesce(sum(refunds) filter (where is_this), 0) as refunds_this,
    coalesce(sum(refunds) filter (where not is_this), 0) as refunds_before
from (
    select distinct
        event_id,
        cast(occurred_at as date) >= $start as is_this,
        currency,
        value as gross_revenue,
        refunds
    from marts.conversions
    where
        arm = 'treatment'
        and is_counted
        and value is not null
        and cast(occurred_at as date) >= $start - interval '7 days'
        and cast(occurred_at as date) < $start + interval '7 days'
) as orders
group by currency
order by gross_this desc, gross_before desc, currency

-- name: list
select
    day >= $start as is_this,
    sum(net_growth) as net_growth
from marts.list_growth
where day >= $start - interval '7 days' and day < $start + interval '7 days'
group by is_this

-- name: days
-- One row a day of both weeks, `number` 0 for Monday.
select
    cast(days.day as date) >= $start as is_this,
    mod(days.day - cast($start as date) + 7, 7) as number,
    coalesce(sum(mail.sent), 0) as sent,
    coalesce(sum(mail.opened), 0) as opened,
    coalesce(sum(mail.clicked), 0) as clicked
from (
    select cast(series.day as date) as day
    from generate_series($start - interval '7 days', $start + interval '6 days', interval '1 day') as series (day)
) as days
left join marts.sequence_performance_daily as mail on days.day = mail.day
group by days.day
order by days.day

-- name: money_of_days
select
    currency,
    cast(occurred_at as date) - cast($start as date) as number,
    sum(value) as gross_revenue
from (
    select distinct
        event_id,
        occurred_at,
        currency,
        value
    from marts.conversions
    where
        arm = 'treatment'
        and is_counted
        and value is not null
        and cast(occurred_at as date) >= $start
        and cast(occurred_at as date) < $start + interval '7 days'
) as orders
group by currency, number
order by currency, number

-- name: sequences
with

mail as (

    select
        sequence_id,
        coalesce(sum(sent) filter (where day >= $start), 0) as sent,
        coalesce(sum(sent) filter (where day < $start), 0) as sent_before,
        coalesce(sum(delivered) filter (where day >= $start), 0) as delivered,
        coalesce(sum(delivered_tracked) filter (where day >= $start), 0) as delivered_tracked,
        coalesce(sum(opened) filter (where day >= $start), 0) as opened,
        coalesce(sum(clicked) filter (where day >= $start), 0) as clicked,
        coalesce(sum(unsubscribed) filter (where day >= $start), 0) as unsubscribed
    from marts.sequence_performance_daily
    where day >= $start - interval '7 days' and day < $start + interval '7 days'
    group by sequence_id

),

sales as (

    select
        sequence_id,
        sum(conversions) as conversions
    from marts.sequence_revenue_daily
    where day >= $start and day < $start + interval '7 days'
    group by sequence_id

)

select
    coalesce(mail.sequence_id, sales.sequence_id) as sequence_id,
    coalesce(sequences.name, mail.sequence_id, sales.sequence_id) as name,
    sequences.status,
    coalesce(mail.sent, 0) as sent,
    coalesce(mail.sent_before, 0) as sent_before,
    coalesce(mail.delivered, 0) as delivered,
    coalesce(mail.delivered_tracked, 0) as delivered_tracked,
    coalesce(mail.opened, 0) as opened,
    coalesce(mail.clicked, 0) as clicked,
    coalesce(mail.unsubscribed, 0) as unsubscribed,
    coalesce(sales.conversions, 0) as conversions
from mail
full outer join sales on mail.sequence_id = sales.sequence_id
left join marts.sequence_performance as sequences
    on sequences.sequence_id = coalesce(mail.sequence_id, sales.sequence_id)
order by sent desc, sent_before desc, sequence_id

-- name: money_of_sequences
select
    sequence_id,
    currency,
    sum(gross_revenue) as gross_revenue
from marts.sequence_revenue_daily
where
    day >= $start
    and day < $start + interval '7 days'
    and gross_revenue <> 0
group by sequence_id, currency
order by sequence_id, gross_revenue desc, currency

-- name: deliverability
select
    coalesce(mailbox_provider, 'unknown') as mailbox_provider,
    sum(attempted) as attempted,
    sum(sent) as sent,
    sum(delivered) as delivered,
    sum(bounced) + sum(refused) as bounced,
    sum(answered) as answered,
    sum(complained) as complained
from marts.deliverability
where day >= $start and day < $start + interval '7 days'
group by mailbox_provider
order by attempted desc, mailbox_provider

-- name: senders
select
    sender,
    sum(sent) as sent,
    sum(delivered) as delivered,
    sum(bounced) + sum(refused) as bounced,
    sum(answered) as answered,
    sum(complained) as complained
from marts.deliverability
where day >= $start and day < $start + interval '7 days'
group by sender
order by sent desc, sender
