-- The page Overview: the last seven days beside the seven before, what is stuck, and trends.

-- name: weeks
-- Sums of the parts first, then shares: an average of daily rates is another number. `week` is 0 for the last seven days.
select
    datediff('day', performance.day, last.day) // 7 as week,
    cast(sum(sent) as bigint) as sent,
    sum(delivered) / nullif(sum(sent), 0) as delivery_rate,
    sum(opened) / nullif(sum(delivered_tracked), 0) as open_rate,
    sum(clicked) / nullif(sum(delivered_tracked), 0) as click_rate,
    sum(bounced + refused) / nullif(sum(answered), 0) as bounce_rate,
    sum(complained) / nullif(sum(delivered), 0) as complaint_rate,
    sum(unsubscribed) / nullif(sum(delivered), 0) as unsubscribe_rate
from marts.sequence_performance_daily as performance
cross join (select max(day) as day from marts.days) as last
where datediff('day', performance.day, last.day) < 14
group by week
order by week

-- name: people
select
    cast(sum(enrolled) as bigint) as active,
    cast(sum(completed) as bigint) as completed,
    cast(sum(exited) as bigint) as exited
from marts.sequence_performance

-- name: senders
-- The last seven days, by what became known of each day's mail.
select
    sender,
    cast(sum(sent) as bigint) as sent,
    cast(sum(answered) as bigint) as answered,
    cast(sum(delivered) as bigint) as delivered,
    sum(bounced + refused) / nullif(sum(answered), 0) as bounce_rate,
    sum(complained) / nullif(sum(delivered), 0) as complaint_rate
from marts.deliverability
where day > (select max(day) from marts.days) - 7
group by sender
order by sent desc

-- name: stuck
-- Next steps whose time came more than a day before the tick, and that still wait.
select
    sequence_id,
    step_id,
    reason,
    count(*) as people,
    min(scheduled_at) as since
from marts.step_decisions
where state in ('waiting', 'due') and scheduled_at < (select as_of from raw.tick) - interval 24 hours
group by sequence_id, step_id, reason
order by people desc, since
limit 20

-- name: sent
select
    day,
    sequence_id as sequence,
    cast(sum(sent) as bigint) as sent
from marts.sequence_performance_daily
where day > (select max(day) from marts.days) - 90
group by all
having sum(sent) > 0
order by day, sequence

-- name: engagement
select
    day,
    unnest(['opened', 'clicked']) as rate,
    unnest([sum(opened) / nullif(sum(delivered_tracked), 0), sum(clicked) / nullif(sum(delivered_tracked), 0)]) as share
from marts.sequence_performance_daily
where day > (select max(day) from marts.days) - 90
group by day
having sum(delivered_tracked) > 0
order by day, rate

-- name: refusals
select
    day,
    unnest(['bounced', 'complained', 'unsubscribed']) as rate,
    unnest([
        sum(bounced + refused) / nullif(sum(answered), 0),
        sum(complained) / nullif(sum(delivered), 0),
        sum(unsubscribed) / nullif(sum(delivered), 0)
    ]) as share
from marts.sequence_performance_daily
where day > (select max(day) from marts.days) - 90
group by day
having sum(answered) > 0
order by day, rate

-- name: list
select
    date_trunc('week', day) as week,
    unnest(['joined', 'returned', 'left']) as change,
    unnest([
        cast(sum(joined) as bigint),
        cast(sum(returned) as bigint),
        -cast(sum(unsubscribed + bounced + complained + manual) as bigint)
    ]) as addresses
from marts.list_growth
where day > (select max(day) from marts.days) - 90
group by date_trunc('week', day)
order by week, change
