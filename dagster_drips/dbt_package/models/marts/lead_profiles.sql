with

leads as (

    select * from {{ ref('stg_leads') }}

),

-- As of the last result of each segment: nobody leaves one that has no result now (E5), unless its file is gone.
memberships as (

    select
        lead_id,
        {{ sorted_list('segment') }} as segments
    from {{ ref('segment_memberships') }}
    where left_at is null
    group by lead_id

),

enrollment_counts as (

    select
        lead_id,
        count(*) as enrollments,
        count(case when status = 'active' then 1 end) as active_enrollments,
        count(converted_at) as conversions
    from {{ ref('enrollments') }}
    group by lead_id

),

-- Who opens or answers a message in doubt has it, and is engaged, though it counts as sent to nobody yet.
message_counts as (

    select
        lead_id,
        count(case when status = 'sent' then 1 end) as messages_sent,
        count(case when status = 'sent' and human_opens > 0 then 1 end) as messages_opened,
        count(case when status = 'sent' and human_clicks > 0 then 1 end) as messages_clicked,
        count(case when status = 'sent' then bounced_at end) as messages_bounced,
        max(case when status = 'sent' then sent_as_of end) as last_sent_at,
        max(last_engaged_at) as last_engaged_at
    from {{ ref('messages') }}
    group by lead_id

),

activity as (

    select
        lead_id,
        count(*) as events,
        max(occurred_at) as last_event_at
    from {{ ref('drips', 'events') }}
    group by lead_id

),

-- Sums of several currencies are none: marts.sales has them apart.
order_counts as (

    select
        lead_id,
        count(case when not is_refund then 1 end) as sales,
        sum(gross_revenue) as gross_revenue,
        sum(refunds) as refunds,
        count(distinct coalesce(currency, '')) as currencies,
        min(currency) as currency
    from {{ ref('sales') }}
    group by lead_id

),

suppressed as (

    select
        address,
        {{ sorted_list('reason', distinct=true) }} as reasons
    from {{ ref('current_suppressions') }}
    group by address

)

select
    leads.lead_id,
    leads.email,
    leads.first_name,
    leads.last_name,
    leads.company,
    leads.country,
    leads.locale,
    leads.timezone,
    leads.phone,
    leads.tags,
    leads.created_at,
    leads.updated_at,
    coalesce(memberships.segments, {{ no_texts() }}) as segments,
    coalesce(suppressed.reasons, {{ no_texts() }}) as suppressions,
    coalesce(enrollment_counts.enrollments, 0) as enrollments,
    coalesce(enrollment_counts.active_enrollments, 0) as active_enrollments,
    coalesce(enrollment_counts.conversions, 0) as conversions,
    coalesce(message_counts.messages_sent, 0) as messages_sent,
    coalesce(message_counts.messages_opened, 0) as messages_opened,
    coalesce(message_counts.messages_clicked, 0) as messages_clicked,
    coalesce(message_counts.messages_bounced, 0) as messages_bounced,
    message_counts.last_sent_at,
    message_counts.last_engaged_at,
    coalesce(activity.events, 0) as events,
    activity.last_event_at,
    coalesce(order_counts.sales, 0) as sales,
    {{ in_one_currency('order_counts.gross_revenue') }} as revenue,
    {{ in_one_currency('order_counts.refunds') }} as refunds,
    {{ in_one_currency('order_counts.gross_revenue - order_counts.refunds') }} as net_revenue,
    case when order_counts.currencies = 1 then order_counts.currency end as currency,
    case
        when mailable.address is not null then 'mailable'
        when mailable.unconfirmed_address is not null then 'unconfirmed'
        else 'none'
    end as address_state
    -- Custom fields come last: where one has a name that stands above, the engine numbers it and not ours.
    {{ custom_fields_of('leads', [
        'segments', 'suppressions', 'enrollments', 'active_enrollments', 'conversions', 'messages_sent', 'messages_opened', 'messages_clicked',
        'messages_bounced', 'last_sent_at', 'last_engaged_at', 'events', 'last_event_at', 'sales', 'revenue', 'refunds', 'net_revenue', 'currency',
        'address_state'
    ]) }}
from leads
left join memberships
    on leads.lead_id = memberships.lead_id
left join {{ ref('stg_mailable_leads') }} as mailable
    on leads.lead_id = mailable.lead_id
left join suppressed
    on coalesce(mailable.address, mailable.unconfirmed_address) = suppressed.address
left join enrollment_counts
    on leads.lead_id = enrollment_counts.lead_id
left join message_counts
    on leads.lead_id = message_counts.lead_id
left join activity
    on leads.lead_id = activity.lead_id
left join order_counts
    on leads.lead_id = order_counts.lead_id
