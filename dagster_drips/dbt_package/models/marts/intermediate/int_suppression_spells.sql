-- Facts that the same return lifts, or none, are one spell, which the first of them began.
with

facts as {{ materialized() }} (

    select *
    from (
        {{ suppression_facts_of(ref('int_engagement_facts'), ref('kept_message_states_after_sending')) }}
    ) as suppression_facts
    where occurred_at <= {{ as_of() }}

),

lifted as (

    select
        suppressions.address,
        suppressions.reason,
        suppressions.topic,
        suppressions.occurred_at,
        suppressions.source,
        suppressions.message_id,
        min(lifts.occurred_at) as lifted_at
    from facts as suppressions
    left join facts as lifts
        on
            suppressions.reason = 'unsubscribed'
            and {{ is_lifted_by('suppressions', 'lifts') }}
    where suppressions.reason <> 'resubscribed'
    group by
        suppressions.address,
        suppressions.reason,
        suppressions.topic,
        suppressions.occurred_at,
        suppressions.source,
        suppressions.message_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by address, reason, topic, lifted_at
            order by occurred_at, source, message_id
        ) as place
    from lifted

)

select
    address,
    reason,
    topic,
    occurred_at as began_at,
    lifted_at,
    source,
    message_id,
    -- Which reason is told where several hold: the one that nothing lifts first.
    case reason when 'bounced' then 1 when 'complained' then 2 when 'manual' then 3 when 'unsubscribed' then 4 end as precedence
from ranked
where place = 1
