{#- The counts and rates of the contract, once for all performance marts; each mart only chooses what to group by. -#}

{#- A share as a number from 0 to 1; NULL over nothing. -#}
{% macro rate(part, whole) -%}
    cast({{ part }} as {{ double_type() }}) / nullif({{ whole }}, 0)
{%- endmacro %}

{#- Counts of attempts: select-list over rows of `marts.message_attempts`. -#}
{% macro attempt_counts() -%}
    count(*) as attempted,
    count(case when outcome = 'deferred' then 1 end) as put_off
{%- endmacro %}

{#- Counts of messages, not of clicks: select-list over rows of `marts.messages`. -#}
{% macro message_counts() -%}
    count(case when status = 'sent' then 1 end) as sent,
    count(case when is_delivered then 1 end) as delivered,
    {% for name, fact in [
        ('opened', 'human_opens > 0'), ('clicked', 'human_clicks > 0'), ('unsubscribed', 'unsubscribed_at is not null'),
        ('complained', 'complained_at is not null'), ('replied', 'replied_at is not null')
    ] -%}
    count(case when is_delivered and {{ fact }} then 1 end) as {{ name }},
    {% endfor -%}
    count(case when delivery_state = 'bounced' then 1 end) as bounced,
    count(case when delivery_state = 'pending' then 1 end) as pending,
    count(case when delivery_state = 'undelivered' then 1 end) as undelivered,
    count(case when status = 'failed' then 1 end) as failed,
    count(refused_at) as refused,
    count(case when status = 'in_doubt' then 1 end) as in_doubt,
    count(case when is_answered then 1 end) as answered,
    count(case when is_delivered and is_tracked then 1 end) as delivered_tracked,
    bool_or(case when status = 'sent' then is_tracked end) as is_tracked,
    count(case when status = 'sent' then deferred_at end) as put_off_later,
    count(case when status = 'sent' and opens > 0 then 1 end) as opened_by_any,
    count(case when status = 'sent' and clicks > 0 then 1 end) as clicked_by_any,
    {% for name in ['opens', 'clicks', 'human_opens', 'human_clicks'] -%}
    cast(sum(case when status = 'sent' then {{ name }} end) as bigint) as {{ name }}{{ ',' if not loop.last }}
    {% endfor -%}
{%- endmacro %}

{#- Counts of enrollments by what became of them: select-list over rows of `marts.enrollments`.
    `is_counted`: whose people the conversion rate is about. -#}
{% macro enrollment_counts(is_counted) -%}
    count(case when status = 'active' then 1 end) as enrolled,
    count(*) as enrolled_total,
    count(case when status = 'completed' then 1 end) as completed,
    count(case when status = 'exited' then 1 end) as exited,
    count(distinct case when {{ is_counted }} and has_goal then lead_id end) as convertible
{%- endmacro %}

{#- Sales that count for something, each once however many enrollments it falls into: a select over rows of `marts.conversions`.
    `keys`: what it counts for; `conversions`: the rows. -#}
{% macro orders_once(keys, conversions) -%}
    select
        {{ keys | join(', ') }},
        event_id,
        lead_id,
        bool_or(is_first) as is_first,
        min(value) as value,
        min(currency) as currency,
        min(refunds) as refunds
    from {{ conversions }}
    group by {{ keys | join(', ') }}, event_id, lead_id
{%- endmacro %}

{#- Counts of people who converted and of their orders: select-list over rows of `orders_once`. Sums of several currencies are none. -#}
{% macro order_counts() -%}
    count(distinct case when is_first then lead_id end) as converted,
    count(case when is_first then 1 end) as conversions,
    count(*) as orders,
    sum(case when is_first then value end) as revenue,
    sum(value) as gross_revenue,
    sum(refunds) as refunds,
    count(distinct case when value is not null then coalesce(currency, '') end) as currencies,
    min(case when value is not null then currency end) as currency
{%- endmacro %}

{#- The columns themselves, from `attempt_counts`, `message_counts`, `enrollment_counts` and `order_counts` joined to what is counted for. -#}
{% macro performance_columns() -%}
    {% for name in ['enrolled', 'enrolled_total', 'completed', 'exited'] -%}
    coalesce(enrollment_counts.{{ name }}, 0) as {{ name }},
    {% endfor -%}
    {% for name in ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'unsubscribed', 'complained', 'replied'] -%}
    coalesce(message_counts.{{ name }}, 0) as {{ name }},
    {% endfor -%}
    coalesce(order_counts.converted, 0) as converted,
    {{ in_one_currency('order_counts.revenue') }} as revenue,
    {{ rate('message_counts.opened', 'message_counts.delivered_tracked') }} as open_rate,
    {{ rate('message_counts.clicked', 'message_counts.delivered_tracked') }} as click_rate,
    {{ rate('message_counts.clicked', 'message_counts.opened') }} as click_to_open_rate,
    {{ rate('(message_counts.bounced + message_counts.refused)', 'message_counts.answered') }} as bounce_rate,
    {{ rate('message_counts.unsubscribed', 'message_counts.delivered') }} as unsubscribe_rate,
    {{ rate('coalesce(order_counts.converted, 0)', 'enrollment_counts.convertible') }} as conversion_rate
    {%- for name in [
        'opened_by_any', 'clicked_by_any', 'opens', 'clicks', 'human_opens', 'human_clicks',
        'pending', 'undelivered', 'answered', 'failed', 'refused', 'in_doubt'
    ] %},
    coalesce(message_counts.{{ name }}, 0) as {{ name }}
    {%- endfor %},
    coalesce(attempt_counts.put_off, 0) + coalesce(message_counts.put_off_later, 0) as deferred,
    coalesce(attempt_counts.attempted, 0) as attempted,
    {{ rate('message_counts.delivered', 'message_counts.sent') }} as delivery_rate,
    {{ rate('message_counts.complained', 'message_counts.delivered') }} as complaint_rate,
    {{ rate('message_counts.replied', 'message_counts.delivered') }} as reply_rate,
    coalesce(message_counts.delivered_tracked, 0) as delivered_tracked,
    message_counts.is_tracked,
    coalesce(enrollment_counts.convertible, 0) as convertible,
    coalesce(order_counts.conversions, 0) as conversions,
    coalesce(order_counts.orders, 0) as orders,
    {{ in_one_currency('order_counts.gross_revenue') }} as gross_revenue,
    {{ in_one_currency('order_counts.refunds') }} as refunds,
    {{ in_one_currency('order_counts.gross_revenue - order_counts.refunds') }} as net_revenue,
    case when order_counts.currencies = 1 then order_counts.currency end as currency
{%- endmacro %}

{#- A sum of money, or NULL where it would be one of several currencies. -#}
{% macro in_one_currency(amount) -%}
    cast(case when coalesce(order_counts.currencies, 0) <= 1 then coalesce({{ amount }}, 0) end as decimal(38, 4))
{%- endmacro %}
