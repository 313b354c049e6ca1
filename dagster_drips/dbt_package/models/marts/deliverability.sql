with

attempt_counts as (

    select
        sender,
        recipient_domain,
        cast(attempted_as_of as date) as day,
        {{ attempt_counts() }}
    from {{ ref('message_attempts') }}
    group by sender, recipient_domain, cast(attempted_as_of as date)

),

-- A message stands where its last attempt does.
message_counts as (

    select
        sender,
        recipient_domain,
        cast(sent_as_of as date) as day,
        count(case when delivery_state = 'bounced' and bounce_class = 'hard' then 1 end) as bounced_hard,
        count(case when delivery_state = 'bounced' and bounce_class = 'soft' then 1 end) as bounced_soft,
        {{ message_counts() }}
    from {{ ref('messages') }}
    group by sender, recipient_domain, cast(sent_as_of as date)

),

daily_counts as (

    select
        attempt_counts.sender,
        attempt_counts.recipient_domain,
        attempt_counts.day,
        attempt_counts.attempted,
        attempt_counts.put_off + coalesce(message_counts.put_off_later, 0) as deferred,
        {%- for name in [
            'sent', 'delivered', 'bounced_hard', 'bounced_soft', 'bounced', 'complained', 'refused', 'failed', 'in_doubt',
            'answered', 'pending', 'undelivered', 'replied'
        ] %}
        coalesce(message_counts.{{ name }}, 0) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from attempt_counts
    left join message_counts
        on
            attempt_counts.sender = message_counts.sender
            and attempt_counts.recipient_domain is not distinct from message_counts.recipient_domain
            and attempt_counts.day = message_counts.day

)

select
    sender,
    recipient_domain,
    day,
    sent,
    delivered,
    deferred,
    bounced_hard,
    bounced_soft,
    complained,
    {{ rate('delivered', 'sent') }} as delivery_rate,
    {{ rate('deferred', 'attempted') }} as deferral_rate,
    {{ rate('bounced_hard', 'sent') }} as hard_bounce_rate,
    {{ rate('bounced_soft', 'sent') }} as soft_bounce_rate,
    {{ rate('complained', 'delivered') }} as complaint_rate,
    refused,
    attempted,
    bounced,
    failed,
    in_doubt,
    answered,
    pending,
    undelivered,
    {{ rate('bounced + refused', 'answered') }} as bounce_rate,
    {{ mailbox_provider('providers', 'daily_counts.recipient_domain') }} as mailbox_provider,
    replied,
    {{ rate('replied', 'delivered') }} as reply_rate
from daily_counts
left join {{ ref('int_mailbox_providers') }} as providers
    on daily_counts.recipient_domain = providers.domain
