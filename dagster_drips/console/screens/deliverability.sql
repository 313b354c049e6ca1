-- The page Deliverability: rates by sender, mailbox provider and day, and what servers said.

-- name: senders
select distinct sender
from marts.deliverability
order by sender

-- name: totals
select
    cast(sum(sent) as bigint) as sent,
    sum(delivered) / nullif(sum(sent), 0) as delivery_rate,
    sum(bounced + refused) / nullif(sum(answered), 0) as bounce_rate,
    sum(bounced_hard) / nullif(sum(sent), 0) as hard_bounce_rate,
    sum(deferred) / nullif(sum(attempted), 0) as deferral_rate,
    sum(complained) / nullif(sum(delivered), 0) as complaint_rate,
    cast(sum(in_doubt) as bigint) as in_doubt
from marts.deliverability
where day > (select max(day) from marts.days) - $days and ($sender is null or sender = $sender)

-- name: daily
select
    day,
    unnest(['bounced', 'deferred', 'complained']) as rate,
    unnest([
        sum(bounced + refused) / nullif(sum(answered), 0),
        sum(deferred) / nullif(sum(attempted), 0),
        sum(complained) / nullif(sum(delivered), 0)
    ]) as share
from marts.deliverability
where day > (select max(day) from marts.days) - $days and ($sender is null or sender = $sender)
group by day
order by day, rate

-- name: volume
select
    day,
    sender,
    cast(sum(sent) as bigint) as sent
from marts.deliverability
where day > (select max(day) from marts.days) - $days and ($sender is null or sender = $sender)
group by all
having sum(sent) > 0
order by day, sender

-- name: providers
select
    mailbox_provider as provider,
    cast(sum(sent) as bigint) as sent,
    cast(sum(answered) as bigint) as answered,
    sum(delivered) / nullif(sum(sent), 0) as delivery_rate,
    sum(bounced + refused) / nullif(sum(answered), 0) as bounce_rate,
    sum(deferred) / nullif(sum(attempted), 0) as deferral_rate,
    sum(complained) / nullif(sum(delivered), 0) as complaint_rate,
    sum(replied) / nullif(sum(delivered), 0) as reply_rate
from marts.deliverability
where day > (select max(day) from marts.days) - $days and ($sender is null or sender = $sender)
group by mailbox_provider
order by answered desc
limit 50

-- name: reasons
-- What servers answered to attempts that did not end in the message being taken.
select
    outcome,
    smtp_code,
    enhanced_code,
    detail,
    count(*) as attempts,
    count(distinct recipient_domain) as domains,
    max(attempted_as_of) as last_at
from marts.message_attempts
where
    outcome <> 'sent'
    and attempted_as_of > (select max(day) from marts.days) - $days
    and ($sender is null or sender = $sender)
group by outcome, smtp_code, enhanced_code, detail
order by attempts desc
limit 50

-- name: ramp
-- What a sender sent beside what it may send on a day.
select
    day,
    unnest(['sent', 'allowance']) as what,
    unnest([sent, allowance]) as messages
from marts.sender_days
where sender = $sender and day > (select max(day) from marts.days) - $days
order by day, what
