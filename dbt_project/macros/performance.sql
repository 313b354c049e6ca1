{#- The counts and rates of the contract, once for all performance marts; each mart only chooses what to group by. -#}

{#- A share as a number from 0 to 1; NULL over nothing. -#}
{% macro rate(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
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
    count(case when status = 'sent' then deferred_at end) as put_off_later,
    count(case when status = 'sent' and opens > 0 then 1 end) as opened_by_any,
    count(case when status = 'sent' and clicks > 0 then 1 end) as clicked_by_any,
    {% for name in ['opens', 'clicks', 'human_opens', 'human_clicks'] -%}
    cast(sum(case when status = 'sent' then {{ name }} end) as bigint) as {{ name }}{{ ',' if not loop.last }}
    {% endfor -%}
{%- endmacro %}

{#- Counts of enrollments by what became of them: select-list over rows of `marts.enrollments`.
    `is_counted`, `is_converted`: which of them the conversion rate is about, and which of these converted. -#}
{% macro enrollment_counts(is_counted, is_converted) -%}
    count(case when status = 'active' then 1 end) as enrolled,
    count(*) as enrolled_total,
    count(case when status = 'completed' then 1 end) as completed,
    count(case when status = 'exited' then 1 end) as exited,
    count(case when {{ is_counted }} then 1 end) as convertible,
    count(case when {{ is_counted }} and {{ is_converted }} then 1 end) as converted,
    sum(case when {{ is_counted }} and {{ is_converted }} then conversion_value end) as revenue
{%- endmacro %}

{#- The columns themselves, from `attempt_counts`, `message_counts` and `enrollment_counts` joined to what is counted for. -#}
{% macro performance_columns() -%}
    {% for name in ['enrolled', 'enrolled_total', 'completed', 'exited'] -%}
    coalesce(enrollment_counts.{{ name }}, 0) as {{ name }},
    {% endfor -%}
    {% for name in ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'unsubscribed', 'complained', 'replied'] -%}
    coalesce(message_counts.{{ name }}, 0) as {{ name }},
    {% endfor -%}
    coalesce(enrollment_counts.converted, 0) as converted,
    coalesce(enrollment_counts.revenue, 0) as revenue,
    {{ rate('message_counts.opened', 'message_counts.delivered') }} as open_rate,
    {{ rate('message_counts.clicked', 'message_counts.delivered') }} as click_rate,
    {{ rate('message_counts.clicked', 'message_counts.opened') }} as click_to_open_rate,
    {{ rate('(message_counts.bounced + message_counts.refused)', 'message_counts.answered') }} as bounce_rate,
    {{ rate('message_counts.unsubscribed', 'message_counts.delivered') }} as unsubscribe_rate,
    {{ rate('enrollment_counts.converted', 'enrollment_counts.convertible') }} as conversion_rate
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
    {{ rate('message_counts.replied', 'message_counts.delivered') }} as reply_rate
{%- endmacro %}
