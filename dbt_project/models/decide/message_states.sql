-- Outcomes in the order in which they end the matter: a message that was ever sent is sent.
with

facts as (

    select
        *,
        case outcome
            when 'sent' then 1
            when 'bounced' then 2
            when 'failed' then 3
            when 'in_doubt' then 4
            when 'deferred' then 5
            when 'claimed' then 6
        end as precedence
    from {{ source('earlier_sends', 'delivery_log') }}

),

-- A later attempt supersedes a deferral and a doubt that was resolved, an answer supersedes the claim before it.
latest as (

    select
        *,
        row_number() over (
            partition by message_id
            order by
                (outcome = 'sent') desc,
                attempt desc,
                precedence
        ) as recency
    from facts

)

select
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    variant_id,
    lead_id,
    sender,
    recipient,
    {{ address('recipient') }} as address,
    scheduled_at,
    as_of as sent_as_of,
    recorded_at,
    attempt as attempts,
    -- A claim without an answer may have reached the server: it is in doubt until somebody says otherwise.
    case outcome
        when 'claimed' then 'in_doubt'
        when 'bounced' then 'failed'
        else outcome
    end as status,
    case when outcome = 'bounced' then recorded_at end as refused_at,
    transactional,
    smtp_code,
    enhanced_code,
    detail,
    retry_at
from latest
where recency = 1
