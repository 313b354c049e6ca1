{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='message_id', full_refresh=false, on_schema_change='fail'
) }}

with

-- A fact that was ahead of the last tick has come of age without its message having moved.
moved as (

    select message_id from {{ ref('int_moved_messages') }}
    union distinct
    select message_id from {{ ref('int_engagement_facts') }}
    where {{ came_of_age_since_marts('effective_at') }}

),

facts as (

    select * from {{ ref('int_engagement_facts') }}
    where
        effective_at <= {{ as_of() }}
        and message_id in (select message_id from moved)

),

-- Each user agent is looked up once, however many facts have it. Texts, not patterns: those would be compiled for every pair.
agents as (

    select distinct
        user_agent,
        '^' || {{ lower_a_to_z('user_agent') }} || '$' as bounded_text
    from facts
    where user_agent is not null

),

agent_families as (

    select
        agents.user_agent,
        families.family,
        row_number() over (partition by agents.user_agent order by families.position) as choice
    from agents
    inner join {{ ref('user_agent_families') }} as families
        on position({{ lower_a_to_z('families.fragment') }} in agents.bounded_text) > 0

)

select
    facts.engagement_id,
    facts.message_id,
    facts.sequence_id,
    facts.step_id,
    facts.variant_id,
    facts.version_id,
    facts.lead_id,
    facts.sender,
    cast(split_part(facts.address, '@', -1) as {{ text_type() }}) as recipient_domain,
    facts.type,
    facts.occurred_at,
    facts.effective_at,
    cast({{ link_of('facts.url') }} as {{ text_type() }}) as link,
    facts.topic,
    case when facts.type = 'bounced' then facts.bounce_class end as bounce_class,
    case when facts.user_agent is not null then coalesce(agent_families.family, 'other') end as agent_family,
    facts.is_human,
    cast(facts.machine_rule as {{ text_type() }}) as machine_rule
from facts
left join agent_families
    on
        facts.user_agent = agent_families.user_agent
        and agent_families.choice = 1
