{#- The counts and rates of the contract, once for all performance marts; each mart only chooses what to group by. -#}

{#- A share as a number from 0 to 1; NULL over nothing. -#}
{% macro rate(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}

{#- Counts of sent messages, not of clicks: select-list over rows of `marts.messages` that have the status sent. -#}
{% macro message_counts() -%}
    count(*) as sent,
    count(case when is_delivered then 1 end) as delivered,
    count(case when human_opens > 0 then 1 end) as opened,
    count(case when human_clicks > 0 then 1 end) as clicked,
    count(bounced_at) as bounced,
    count(unsubscribed_at) as unsubscribed,
    count(complained_at) as complained,
    count(replied_at) as replied,
    count(case when opens > 0 then 1 end) as opened_by_any,
    count(case when clicks > 0 then 1 end) as clicked_by_any,
    cast(sum(opens) as bigint) as opens,
    cast(sum(clicks) as bigint) as clicks,
    cast(sum(human_opens) as bigint) as human_opens,
    cast(sum(human_clicks) as bigint) as human_clicks
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

{#- The columns themselves, from `message_counts` and `enrollment_counts` joined to what is counted for. -#}
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
    {{ rate('message_counts.bounced', 'message_counts.sent') }} as bounce_rate,
    {{ rate('message_counts.unsubscribed', 'message_counts.delivered') }} as unsubscribe_rate,
    {{ rate('enrollment_counts.converted', 'enrollment_counts.convertible') }} as conversion_rate
    {%- for name in ['opened_by_any', 'clicked_by_any', 'opens', 'clicks', 'human_opens', 'human_clicks'] %},
    coalesce(message_counts.{{ name }}, 0) as {{ name }}
    {%- endfor %}
{%- endmacro %}
