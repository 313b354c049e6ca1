with

messages as (

    select
        message_id,
        sequence_id,
        step_id,
        variant_id,
        version_id,
        is_delivered,
        is_tracked
    from {{ ref('messages') }}
    where status = 'sent'

),

mails as (

    select
        sequence_id,
        step_id,
        variant_id,
        version_id,
        count(case when is_delivered and is_tracked then 1 end) as delivered_tracked
    from messages
    group by sequence_id, step_id, variant_id, version_id

),

clicks as (

    select
        clicks.message_id,
        clicks.link,
        count(*) as clicks,
        count(case when clicks.is_human then 1 end) as human_clicks,
        min(case when clicks.is_human then clicks.effective_at end) as first_clicked_at,
        max(case when clicks.is_human then clicks.effective_at end) as last_clicked_at
    from {{ ref('drips', 'engagement') }} as clicks
    where clicks.type = 'clicked'
    group by clicks.message_id, clicks.link

),

links as (

    select
        messages.sequence_id,
        messages.step_id,
        messages.variant_id,
        messages.version_id,
        clicks.link,
        cast(sum(clicks.clicks) as bigint) as clicks,
        cast(sum(clicks.human_clicks) as bigint) as human_clicks,
        count(*) as clicked_by_any,
        count(case when messages.is_delivered and clicks.human_clicks > 0 then 1 end) as clicked,
        min(clicks.first_clicked_at) as first_clicked_at,
        max(clicks.last_clicked_at) as last_clicked_at
    from clicks
    inner join messages
        on clicks.message_id = messages.message_id
    group by messages.sequence_id, messages.step_id, messages.variant_id, messages.version_id, clicks.link

)

select
    links.sequence_id,
    links.step_id,
    links.variant_id,
    links.version_id,
    links.link,
    links.clicks,
    links.human_clicks,
    links.clicked_by_any,
    links.clicked,
    mails.delivered_tracked,
    {{ rate('links.clicked', 'mails.delivered_tracked') }} as click_rate,
    links.first_clicked_at,
    links.last_clicked_at
from links
inner join mails
    on
        links.sequence_id = mails.sequence_id
        and links.step_id = mails.step_id
        and links.variant_id is not distinct from mails.variant_id
        and links.version_id is not distinct from mails.version_id
