{{ config(tags=['ci']) }}

-- Summed over all days, what happened to a domain's messages is the same by the day of the attempt and by the day of the event.
{%- set counts = ['sent', 'delivered', 'deferred', 'bounced', 'bounced_hard', 'bounced_soft', 'refused', 'complained', 'replied'] %}
select
    sender,
    recipient_domain
from (
    select
        sender,
        recipient_domain
        {%- for name in counts %},
        {{ name }}
        {%- endfor %}
    from {{ ref('deliverability') }}
    union all
    select
        sender,
        recipient_domain
        {%- for name in counts %},
        -{{ name }}
        {%- endfor %}
    from {{ ref('deliverability_events') }}
) as gathered
group by sender, recipient_domain
having
    {%- for name in counts %}
    sum({{ name }}) <> 0{{ ' or' if not loop.last }}
    {%- endfor %}
