{{ config(materialized='table', meta={'empty_without': ['raw.sequence_gate_limits', 'raw.failed_tests', 'raw.content_failures']}) }}

-- What the data of this tick gives reason to hold a sequence for (G1), before anything is judged.
with

named_segments as (

    {{ named_segments() }}

),

limits as (

    select * from {{ source('raw', 'sequence_gate_limits') }}

),

-- Of each sequence that reads what the test is about.
failed_tests as (

    select
        named_segments.sequence_id,
        failed.test,
        failed.reason
    from {{ source('raw', 'failed_tests') }} as failed
    inner join named_segments
        on failed.segment = named_segments.segment

    union distinct

    select
        sequences.sequence_id,
        failed.test,
        failed.reason
    from {{ source('raw', 'failed_tests') }} as failed
    cross join {{ source('raw', 'sequences') }} as sequences
    where failed.segment is null

),

-- Of each sequence whose templates name the content model, whichever step asked it (M9).
failed_content as (

    select distinct
        uses.sequence_id,
        'content:' || failures.content as gate,
        failures.file || ': ' || failures.reason as reason
    from {{ source('raw', 'content_failures') }} as failures
    inner join {{ source('raw', 'step_content') }} as uses
        on failures.content = uses.content

),

-- The last result that is at least so long ago; a segment that had none, or nobody in it, has not changed.
earlier_results as (

    select
        limits.sequence_id,
        limits.stop_above,
        results.segment,
        max(results.as_of) as as_of
    from limits
    inner join named_segments
        on limits.sequence_id = named_segments.sequence_id
    inner join {{ source('earlier', 'segment_results') }} as results
        on
            named_segments.segment = results.segment
            and results.as_of <= {{ add_seconds(as_of(), '-limits.span_seconds') }}
    where limits.gate = 'segment_change'
    group by limits.sequence_id, limits.stop_above, results.segment

),

earlier_members as (

    select
        earlier_results.sequence_id,
        earlier_results.segment,
        changes.lead_id
    from earlier_results
    inner join {{ source('earlier', 'segment_changes') }} as changes
        on
            earlier_results.segment = changes.segment
            and changes.as_of <= earlier_results.as_of
    group by earlier_results.sequence_id, earlier_results.segment, changes.lead_id
    having sum(case changes.change when 'entered' then 1 else -1 end) > 0

),

-- Whoever is in one of both and not in the other.
changed_segments as (

    select
        earlier_members.sequence_id,
        earlier_members.segment,
        count(*) as earlier_members,
        (count(*) - count(members.lead_id)) + (max(results.members) - count(members.lead_id)) as changed
    from earlier_members
    inner join {{ ref('new_segment_results') }} as results
        on earlier_members.segment = results.segment
    left join {{ ref('segment_members') }} as members
        on earlier_members.segment = members.segment and earlier_members.lead_id = members.lead_id
    group by earlier_members.sequence_id, earlier_members.segment

),

-- Kinds of rows whose age matters to somebody: the others are not read for it.
dated as (

    select distinct subject from limits
    where gate = 'freshness'

),

newest as (

    select
        'leads' as subject,
        max(coalesce(leads.updated_at, leads.created_at)) as instant
    from {{ source('raw', 'leads') }} as leads
    inner join dated
        on dated.subject = 'leads'
    where coalesce(leads.updated_at, leads.created_at) <= {{ as_of() }}

    union all

    select
        'events' as subject,
        max(coalesce(events.received_at, events.occurred_at)) as instant
    from {{ source('raw', 'events') }} as events
    inner join dated
        on dated.subject = 'events'
    where
        coalesce(events.received_at, events.occurred_at) <= {{ as_of() }}
        and events.occurred_at <= {{ as_of() }}

    union all

    select
        'engagement' as subject,
        max(engagement.occurred_at) as instant
    from {{ source('raw', 'engagement') }} as engagement
    inner join dated
        on dated.subject = 'engagement'
    where engagement.occurred_at <= {{ as_of() }}

),

rate_limits as (

    select
        limits.*,
        {{ address('sequences.sender_email') }} as sender_address
    from limits
    inner join {{ source('raw', 'sequences') }} as sequences
        on limits.sequence_id = sequences.sequence_id
    where limits.gate in ('bounce_rate', 'complaint_rate')

),

-- What servers took or refused for good, of the senders that are asked about, the latest first.
answered as (

    select
        message_id,
        {{ address('sender') }} as sender_address,
        outcome = 'bounced' as is_refused,
        row_number() over (partition by {{ address('sender') }} order by as_of desc, message_id) as recency
    from {{ source('earlier_sends', 'delivery_log') }}
    where
        outcome in ('sent', 'bounced')
        and as_of <= {{ as_of() }}
        and {{ address('sender') }} in (select sender_address from rate_limits)

),

reported as (

    select
        answered.message_id,
        max(case when engagement.type = 'bounced' then 1 else 0 end) as bounced,
        max(case when engagement.type = 'complained' then 1 else 0 end) as complained
    from answered
    inner join {{ source('raw', 'engagement') }} as engagement
        on
            answered.message_id = engagement.message_id
            and engagement.type in ('bounced', 'complained')
            and (engagement.occurred_at is null or engagement.occurred_at <= {{ as_of() }})
    group by answered.message_id

),

-- Of fewer messages than that nothing is said.
rates as (

    select
        rate_limits.sequence_id,
        rate_limits.gate,
        rate_limits.sender_address,
        rate_limits.warn_above,
        rate_limits.stop_above,
        rate_limits.messages,
        1.0 * sum(
            case
                when rate_limits.gate = 'bounce_rate' and (answered.is_refused or reported.bounced = 1) then 1
                when rate_limits.gate = 'complaint_rate' and reported.complained = 1 then 1
                else 0
            end
        ) / count(*) as rate
    from rate_limits
    inner join answered
        on
            rate_limits.sender_address = answered.sender_address
            and answered.recency <= rate_limits.messages
    left join reported
        on answered.message_id = reported.message_id
    group by
        rate_limits.sequence_id, rate_limits.gate, rate_limits.sender_address, rate_limits.warn_above, rate_limits.stop_above,
        rate_limits.messages
    having count(*) = rate_limits.messages

),

found as (

    select
        sequence_id,
        test as gate,
        'test' as kind,
        'stop' as level,
        reason
    from failed_tests

    union all

    select
        sequence_id,
        gate,
        'content' as kind,
        'stop' as level,
        reason
    from failed_content

    union all

    select
        changed_segments.sequence_id,
        'segment_change' as gate,
        'segment_change' as kind,
        'stop' as level,
        'segment ' || changed_segments.segment || ' has changed by '
        || {{ gate_percent('1.0 * changed_segments.changed / changed_segments.earlier_members') }}
        || ' since ' || {{ gate_instant('earlier_results.as_of') }}
        || ', more than ' || {{ gate_percent('earlier_results.stop_above') }} as reason
    from changed_segments
    inner join earlier_results
        on
            changed_segments.sequence_id = earlier_results.sequence_id
            and changed_segments.segment = earlier_results.segment
    where changed_segments.changed > earlier_results.stop_above * changed_segments.earlier_members

    union all

    select
        limits.sequence_id,
        'freshness' as gate,
        'freshness' as kind,
        case when limits.is_warning then 'warn' else 'stop' end as level,
        coalesce(
            'the newest ' || limits.subject || ' are of ' || {{ gate_instant('newest.instant') }} || ', which is too old',
            'nothing of ' || limits.subject || ' has come yet'
        ) as reason
    from limits
    inner join newest
        on limits.gate = 'freshness' and limits.subject = newest.subject
    where
        newest.instant is null
        or newest.instant < {{ add_seconds(as_of(), '-limits.span_seconds') }}

    union all

    select
        sequence_id,
        gate,
        gate as kind,
        case when rate > stop_above then 'stop' else 'warn' end as level,
        gate || ' of ' || sender_address || ' is ' || {{ gate_percent('rate') }} || ' over its last ' || messages || ' messages, more than '
        || {{ gate_percent('case when rate > stop_above then stop_above else warn_above end') }} as reason
    from rates
    where
        rate > stop_above
        or rate > warn_above

),

gates as (

    select
        sequence_id,
        gate,
        kind,
        -- stop goes before warn
        min(level) as level,
        coalesce(min(case when level = 'stop' then reason end), min(reason)) as reason
    from found
    group by sequence_id, gate, kind

),

waivers as (

    {{ current_waivers() }}

)

select
    gates.sequence_id,
    gates.gate,
    gates.kind,
    gates.level,
    gates.reason,
    -- without its content there is nothing to send
    gates.level = 'stop' and (waivers.gate is null or gates.kind = 'content') as is_holding,
    waivers.until as waived_until,
    waivers.given_by as waived_by,
    waivers.why as waived_because
from gates
inner join {{ source('raw', 'sequences') }} as sequences
    on gates.sequence_id = sequences.sequence_id and sequences.status <> 'archived'
left join waivers
    on gates.gate = waivers.gate and gates.sequence_id = waivers.sequence_id
