with

-- A deferred attempt is not a message yet.
messages as (

    select * from {{ ref('kept_message_states_after_sending') }}
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
        max(case when type = 'bounced' then effective_at end) as last_bounced_at,
        -- Who answers a mail has it; a machine's open says as little here as of soft bounces in a row.
        max(case when type not in ('bounced', 'deferred') and is_human then effective_at end) as last_proof_at,
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

-- A confirmation is not tracked either.
untracked_versions as (

    select distinct
        sequence_id,
        version_id
    from {{ source('journal', 'sequence_versions') }}
    where
        {{ definition_text('definition', 'tracking') }} = 'false'
        or {{ definition_text('definition', 'confirmation') }} = 'true'

),

-- Without `DRIPS_PUBLIC_URL` nothing is tracked, and nothing of the kind is ever landed.
tracking as (

    select count(*) > 0 as is_known
    from facts
    where opens > 0 or clicks > 0

),

variant_shares as (

    {{ variant_shares() }}

),

-- Each message with what is known of it, joined once: these are the largest tables that there are.
classified as (

    select
        messages.*,
        facts.delivered_at,
        facts.first_opened_at,
        facts.first_clicked_at,
        facts.bounced_at,
        facts.hard_bounced_at,
        facts.last_bounced_at,
        facts.last_proof_at,
        facts.unsubscribed_at,
        facts.complained_at,
        facts.replied_at,
        facts.deferred_at,
        facts.last_engaged_at,
        facts.opens,
        facts.clicks,
        facts.human_opens,
        facts.human_clicks,
        messages.status = 'sent'
        and case
            when facts.hard_bounced_at is not null then true
            else coalesce(facts.last_bounced_at >= coalesce(facts.last_proof_at, facts.last_bounced_at), false)
        end as has_bounced,
        facts.last_proof_at is not null as is_proved,
        facts.delivered_at is not null as is_reported
    from messages
    left join facts
        on messages.message_id = facts.message_id

),

-- Of what did not bounce: what a provider said was delivered, and what it was silent about though a person had it or a day has passed.
daily_reports as (

    select
        sender,
        cast(sent_as_of as date) as day,
        count(case when is_reported then 1 end) as reported,
        count(
            case
                when not is_reported and (is_proved or sent_as_of <= {{ add_seconds(as_of(), -86400) }}) then 1
            end
        ) as silent
    from classified
    where
        status = 'sent'
        and not has_bounced
    group by sender, cast(sent_as_of as date)

),

-- A provider is believed where it reported at least half, in the seven days that end with the day of sending.
weekly_reports as (

    select
        sender,
        day,
        sum(reported) over (
            partition by sender order by day range between interval '6' day preceding and current row
        ) as reported,
        sum(silent) over (
            partition by sender order by day range between interval '6' day preceding and current row
        ) as silent
    from daily_reports

),

deliveries as (

    select
        classified.*,
        case
            when classified.status <> 'sent' then null
            when classified.has_bounced then 'bounced'
            when classified.is_proved then 'delivered'
            when weekly_reports.reported = 0 or weekly_reports.reported < weekly_reports.silent then 'delivered'
            -- as long as servers may go on trying (RFC 5321 section 4.5.4.1)
            when classified.sent_as_of > {{ add_seconds(as_of(), -432000) }} then 'pending'
            else 'undelivered'
        end as delivery_state
    from classified
    left join weekly_reports
        on
            classified.sender = weekly_reports.sender
            and cast(classified.sent_as_of as date) = weekly_reports.day

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
    messages.delivered_at,
    messages.first_opened_at,
    messages.first_clicked_at,
    coalesce(messages.refused_at, messages.bounced_at) as bounced_at,
    messages.unsubscribed_at,
    messages.complained_at,
    messages.replied_at,
    coalesce(messages.opens, 0) as opens,
    coalesce(messages.clicks, 0) as clicks,
    coalesce(messages.human_opens, 0) as human_opens,
    coalesce(messages.human_clicks, 0) as human_clicks,
    coalesce(messages.delivery_state = 'delivered', false) as is_delivered,
    case
        when messages.refused_at is not null or messages.hard_bounced_at is not null then 'hard'
        when messages.bounced_at is not null then 'soft'
    end as bounce_class,
    split_part(messages.address, '@', -1) as recipient_domain,
    messages.deferred_at,
    messages.last_engaged_at,
    messages.refused_at,
    messages.attempts,
    messages.smtp_code,
    messages.enhanced_code,
    messages.detail,
    messages.delivery_state,
    messages.status = 'sent'
    or messages.refused_at is not null
    or (messages.status = 'failed' and messages.smtp_code is not null) as is_answered,
    coalesce(messages.opens + messages.clicks, 0) > 0 or (tracking.is_known and untracked_versions.version_id is null) as is_tracked,
    messages.version_id,
    -- NULL where nobody knows by which shares its variant was drawn.
    case when messages.variant_id is null then draws.propensity else draws.propensity * variant_shares.share end as propensity,
    messages.transactional as is_transactional
from deliveries as messages
cross join tracking
left join untracked_versions
    on
        messages.sequence_id = untracked_versions.sequence_id
        and messages.version_id = untracked_versions.version_id
left join {{ ref('int_enrollment_draws') }} as draws
    on messages.enrollment_id = draws.enrollment_id
left join variant_shares
    on
        messages.sequence_id = variant_shares.sequence_id
        and messages.version_id = variant_shares.version_id
        and messages.step_id = variant_shares.step_id
        and messages.variant_id = variant_shares.variant_id
