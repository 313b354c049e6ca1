{#- Engagement of messages that may have arrived, people's told apart from machines': one row a fact.
    `engagement` must have all clicks of a message or none; `also`: more columns of `states` that each fact is to have. -#}
{% macro engagement_facts_of(engagement, states, also=[]) -%}
    with

    -- Engagement counts from the later of its own time and the sending; of a message not known it counts for nothing yet.
    known as {{ materialized() }} (

        select
            engagement.engagement_id,
            engagement.message_id,
            messages.enrollment_id,
            messages.sequence_id,
            messages.step_id,
            messages.lead_id,
            messages.address,
            {%- for column in also %}
            messages.{{ column }},
            {%- endfor %}
            messages.sent_as_of,
            messages.recorded_at as sent_at,
            engagement.type,
            engagement.occurred_at,
            greatest(coalesce(engagement.occurred_at, messages.sent_as_of), messages.sent_as_of) as effective_at,
            engagement.topic,
            engagement.url,
            engagement.user_agent,
            coalesce(engagement.bounce_class, 'hard') as bounce_class
        from {{ engagement }} as engagement
        inner join {{ states }} as messages
            on engagement.message_id = messages.message_id
        -- Who answers a message has it, whatever was made of a doubt about it.
        where messages.status in ('sent', 'in_doubt') or messages.was_in_doubt

    ),

    -- Each user agent is matched once, however many facts have it.
    agents as (

        select distinct user_agent
        from known
        where
            type in ('opened', 'clicked')
            and user_agent is not null

    ),

    machine_agents as (

        select
            agents.user_agent,
            min(machines.pattern) as pattern
        from agents
        inner join {{ ref('machine_user_agents') }} as machines
            on {{ is_like_pattern('agents.user_agent', 'machines.pattern') }}
        group by agents.user_agent

    ),

    -- Two or more links within ten seconds of the sending: a scanner walked through the mail.
    scanned as (

        select message_id
        from known
        where
            type = 'clicked'
            and occurred_at <= {{ add_seconds('sent_at', 10) }}
        group by message_id
        having count(distinct url) >= 2

    ),

    classified as (

        select
            known.*,
            case
                when known.type not in ('opened', 'clicked') then null
                when machine_agents.pattern is not null then machine_agents.pattern
                when
                    known.type = 'clicked'
                    and scanned.message_id is not null
                    and known.occurred_at <= {{ add_seconds('known.sent_at', 10) }}
                    then '{{ links_at_once() }}'
            end as machine_rule
        from known
        left join machine_agents
            on known.user_agent = machine_agents.user_agent
        left join scanned
            on known.message_id = scanned.message_id

    )

    select
        *,
        machine_rule is null as is_human
    from classified
{%- endmacro %}
