-- The counts of `deliverability`, each on the day on which it happened: summed over all days the two say the same.
with

{%- set counted = {
    'sent': ('sent_as_of', "status = 'sent'"),
    'delivered': ('coalesce(delivered_at, sent_as_of)', 'is_delivered'),
    'deferred_later': ('deferred_at', "status = 'sent' and deferred_at is not null"),
    'bounced_hard': ('bounced_at', "delivery_state = 'bounced' and bounce_class = 'hard'"),
    'bounced_soft': ('bounced_at', "delivery_state = 'bounced' and bounce_class = 'soft'"),
    'refused': ('refused_at', 'refused_at is not null'),
    'opened': ('first_opened_at', 'is_delivered and human_opens > 0'),
    'clicked': ('first_clicked_at', 'is_delivered and human_clicks > 0'),
    'unsubscribed': ('unsubscribed_at', 'is_delivered and unsubscribed_at is not null'),
    'complained': ('complained_at', 'is_delivered and complained_at is not null'),
    'replied': ('replied_at', 'is_delivered and replied_at is not null'),
} %}

events as (

    {%- for name, (instant, condition) in counted.items() %}

    select
        sender,
        recipient_domain,
        cast({{ instant }} as date) as day,
        '{{ name }}' as what,
        count(*) as number
    from {{ ref('messages') }}
    where {{ condition }}
    group by 1, 2, 3

    union all
    {%- endfor %}

    select
        sender,
        recipient_domain,
        cast(attempted_as_of as date) as day,
        'put_off' as what,
        count(*) as number
    from {{ ref('message_attempts') }}
    where outcome = 'deferred'
    group by 1, 2, 3

),

daily as (

    select
        sender,
        recipient_domain,
        day
        {%- for name in counted.keys() | list + ['put_off'] %},
        cast(coalesce(sum(case when what = '{{ name }}' then number end), 0) as bigint) as {{ name }}
        {%- endfor %}
    from events
    group by sender, recipient_domain, day

)

select
    daily.sender,
    daily.recipient_domain,
    {{ mailbox_provider('providers', 'daily.recipient_domain') }} as mailbox_provider,
    daily.day,
    daily.sent,
    daily.delivered,
    daily.put_off + daily.deferred_later as deferred,
    daily.bounced_hard + daily.bounced_soft as bounced,
    daily.bounced_hard,
    daily.bounced_soft,
    daily.refused,
    daily.opened,
    daily.clicked,
    daily.unsubscribed,
    daily.complained,
    daily.replied
from daily
left join {{ ref('int_mailbox_providers') }} as providers
    on daily.recipient_domain = providers.domain
