with

-- Engagement counts from the later of its own time and the sending; of a message not known it counts for nothing yet.
known as materialized (

    select
        engagement.engagement_id,
        engagement.message_id,
        messages.enrollment_id,
        messages.sequence_id,
        messages.step_id,
        messages.lead_id,
        messages.address,
        messages.sent_as_of,
        messages.recorded_at as sent_at,
        engagement.type,
        engagement.occurred_at,
        greatest(coalesce(engagement.occurred_at, messages.sent_as_of), messages.sent_as_of) as counts_from,
        engagement.topic,
        engagement.url,
        engagement.user_agent,
        coalesce(engagement.bounce_class, 'hard') as bounce_class
    from {{ source('raw', 'engagement') }} as engagement
    inner join {{ ref('message_states') }} as messages
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

    select distinct agents.user_agent
    from agents
    inner join {{ ref('machine_user_agents') }} as machines
        on regexp_matches(agents.user_agent, machines.pattern, 'i')

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

)

select
    known.*,
    machine_agents.user_agent is null
    and not (
        known.type = 'clicked'
        and scanned.message_id is not null
        and known.occurred_at <= {{ add_seconds('known.sent_at', 10) }}
    ) as is_human
from known
left join machine_agents
    on known.user_agent = machine_agents.user_agent
left join scanned
    on known.message_id = scanned.message_id
