-- What is said of a doubt about an attempt comes later than the doubt, and counts.
with

facts as (

    {{ without_answered_claims(source('raw', 'delivery_log')) }}

),

latest as (

    select
        *,
        bool_or(outcome = 'in_doubt') over (partition by message_id, attempt) as was_in_doubt,
        row_number() over (partition by message_id, attempt order by precedence, recorded_at desc) as recency
    from facts

)

select
    message_id,
    attempt,
    enrollment_id,
    sequence_id,
    step_id,
    variant_id,
    lead_id,
    sender,
    split_part({{ address('recipient') }}, '@', -1) as recipient_domain,
    as_of as attempted_as_of,
    recorded_at,
    -- A deferral of an attempt that was in doubt is none of the server's: it made the message due again.
    case
        when outcome = 'claimed' then 'in_doubt'
        when outcome = 'bounced' then 'refused'
        when outcome = 'deferred' and was_in_doubt then 'unanswered'
        else outcome
    end as outcome,
    smtp_code,
    enhanced_code,
    detail,
    retry_at
from latest
where recency = 1
