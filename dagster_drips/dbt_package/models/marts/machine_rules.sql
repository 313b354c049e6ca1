with

rules as (

    select
        pattern as rule,
        'user_agent' as kind,
        what,
        source,
        cast(since as integer) as since
    from {{ ref('machine_user_agents') }}

    union all

    select
        '{{ links_at_once() }}' as rule,
        'timing' as kind,
        'a scanner that walks through a mail as it arrives' as what,
        'docs/numbers.md' as source,
        1 as since

),

-- The same rules have the same version, whoever wrote them down in which order.
version as (

    select md5({{ joined_texts('rule', 'chr(10)', 'rule') }}) as rules_version
    from rules

),

caught as (

    select
        machine_rule,
        count(case when type = 'opened' then 1 end) as opens,
        count(case when type = 'clicked' then 1 end) as clicks,
        count(distinct message_id) as messages,
        min(effective_at) as first_at,
        max(effective_at) as last_at
    from {{ ref('int_engagement_facts') }}
    where
        machine_rule is not null
        and effective_at <= {{ as_of() }}
    group by machine_rule

)

select
    rules.rule,
    rules.kind,
    rules.what,
    rules.source,
    rules.since,
    coalesce(caught.opens, 0) as opens,
    coalesce(caught.clicks, 0) as clicks,
    coalesce(caught.messages, 0) as messages,
    caught.first_at,
    caught.last_at,
    version.rules_version
from rules
cross join version
left join caught
    on rules.rule = caught.machine_rule
