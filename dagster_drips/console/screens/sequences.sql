-- The page Sequences: all of them, then one: its steps in time, who stands where and why, cohorts, hours, variants.

-- name: all
select
    sequence_id,
    name,
    status,
    enrolled,
    completed,
    exited,
    sent,
    open_rate,
    click_rate,
    bounce_rate,
    conversion_rate,
    net_revenue,
    currency
from marts.sequence_performance
order by status <> 'active', sequence_id

-- name: one
select performance.*, live.opens_at, live.file_state
from marts.sequence_performance as performance
left join decide.live_sequences as live
    on performance.sequence_id = live.sequence_id
where performance.sequence_id = $sequence

-- name: timeline
-- When a step is due at the earliest, in days after the trigger: its delay counts from the step before, or from the trigger.
with

counted as (

    select
        *,
        sum(case when after_trigger then 1 else 0 end) over (order by position) as part
    from raw.sequence_steps
    where sequence_id = $sequence

),

conditions as (

    select
        step_id,
        string_agg(replace(polarity, '_', ' ') || ' ' || kind || ' ' || value, ', ' order by polarity, kind, value) as conditions
    from raw.step_conditions
    where sequence_id = $sequence
    group by step_id

),

placed as (

    select
        counted.*,
        sum(delay_seconds) over (partition by part order by position) as seconds
    from counted

)

select
    placed.position,
    placed.step_id as step,
    placed.seconds / 86400 as days,
    case
        when placed.after_trigger then 0
        else coalesce(lag(placed.seconds) over (order by placed.position), 0) / 86400
    end as from_days,
    coalesce(conditions.conditions, 'none') as conditions,
    coalesce(placed.expires_after_seconds / 86400, null) as expires_after_days
from placed
left join conditions
    on placed.step_id = conditions.step_id
order by placed.position

-- name: states
-- What became of each step so far; who waits or is due is as of the tick.
select
    funnel.step_id as step,
    min(funnel.position) as position,
    funnel.state,
    cast(sum(funnel.steps) as bigint) as steps
from marts.step_funnel_daily as funnel
where
    funnel.sequence_id = $sequence
    and (funnel.state not in ('waiting', 'due') or funnel.day = (select max(day) from marts.days))
group by funnel.step_id, funnel.state
order by position, funnel.state

-- name: steps
select
    position,
    step_id as step,
    variant_id as variant,
    sent,
    delivered,
    open_rate,
    click_rate,
    click_to_open_rate,
    unsubscribe_rate,
    bounce_rate,
    complaint_rate
from marts.step_performance
where sequence_id = $sequence and (is_live or sent > 0)
order by position, variant

-- name: waiting
select
    step_id as step,
    min(position) as position,
    state,
    reason,
    count(*) as people,
    min(scheduled_at) as first_scheduled_at
from marts.step_decisions
where sequence_id = $sequence and state in ('waiting', 'due', 'in_doubt')
group by step_id, state, reason
order by position, people desc

-- name: not_enrolled
select
    decision as reason,
    count(*) as occurrences,
    count(distinct lead_id) as people
from marts.enrollment_decisions
where sequence_id = $sequence and decision <> 'enrolled'
group by decision
order by occurrences desc

-- name: exits
select
    exit_reason as reason,
    count(*) as enrollments
from marts.enrollments
where sequence_id = $sequence and status = 'exited'
group by exit_reason
order by enrollments desc

-- name: cohorts
-- Enrollments of a week, and what share had come so far by an age; only ages that all of the week have reached.
with

weeks as (

    select
        date_trunc('week', enrolled_on) as week,
        age,
        sum(enrolled) as enrolled,
        sum(convertible_enrollments) as convertible,
        sum(sent) as sent,
        sum(opened) as opened,
        sum(clicked) as clicked,
        sum(converted_enrollments) as converted,
        sum(completed) as completed,
        sum(exited) as exited
    from marts.sequence_cohorts
    where sequence_id = $sequence and arm = 'treatment'
    group by all

),

ages as (

    select
        cohorts.week,
        cohorts.enrolled,
        cohorts.convertible,
        unnest(generate_series(0, least(27, greatest(0, datediff('day', cohorts.last_day, last.day))))) as age
    from (
        select
            date_trunc('week', enrolled_on) as week,
            sum(enrolled) as enrolled,
            sum(convertible_enrollments) as convertible,
            max(enrolled_on) as last_day
        from marts.sequence_cohorts
        where sequence_id = $sequence and arm = 'treatment'
        group by all
    ) as cohorts
    cross join (select max(day) as day from marts.days) as last

)

select
    strftime(ages.week, '%d %b %Y') as week,
    min(ages.week) as begins,
    ages.age,
    cast(ages.enrolled as bigint) as enrolled,
    coalesce(sum(weeks.converted), 0) / nullif(ages.convertible, 0) as converted,
    coalesce(sum(weeks.completed), 0) / ages.enrolled as completed,
    coalesce(sum(weeks.exited), 0) / ages.enrolled as exited
from ages
left join weeks
    on ages.week = weeks.week
    and ages.age >= weeks.age
where ages.week > (select max(day) from marts.days) - 112
group by ages.week, ages.age, ages.enrolled, ages.convertible
order by begins, ages.age

-- name: hours
-- By the hour at which it was sent. Of a few messages a rate says nothing, so they are left out.
select
    dayname(sent_as_of) as weekday,
    isodow(sent_as_of) as weekday_number,
    hour(sent_as_of) as hour,
    count(*) as delivered,
    count(*) filter (where first_opened_at is not null) / count(*) as open_rate
from marts.messages
where sequence_id = $sequence and is_delivered and is_tracked
group by all
having count(*) >= 5
order by weekday_number, hour

-- name: variants
-- Wilson's score interval of 95 %.
with

rates as (

    select
        position,
        step_id || ' · ' || variant_id as variant,
        unnest(['open rate', 'click rate']) as measure,
        unnest([opened, clicked]) as successes,
        delivered_tracked as messages
    from marts.step_performance
    where sequence_id = $sequence and variant_id is not null and delivered_tracked > 0

)

select
    variant,
    measure,
    messages,
    successes / messages as rate,
    greatest(0, (successes + 1.920729) / (messages + 3.841459)
    - 1.959964 * sqrt(successes * (messages - successes) / messages + 0.960365) / (messages + 3.841459)) as low,
    least(1, (successes + 1.920729) / (messages + 3.841459)
    + 1.959964 * sqrt(successes * (messages - successes) / messages + 0.960365) / (messages + 3.841459)) as high
from rates
order by position, variant
