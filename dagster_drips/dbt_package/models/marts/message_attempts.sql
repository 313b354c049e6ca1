{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='message_id', full_refresh=false, on_schema_change='fail'
) }}

-- What is said of a doubt about an attempt comes later than the doubt, and counts.
with

moved as (

    select message_id from {{ ref('int_moved_messages') }}
    where is_tried

),

-- Of all others the only attempt is what became of the message.
tried_again as (

    select distinct message_id
    from {{ source('raw', 'delivery_log') }}
    where
        attempt > 1
        and message_id in (select message_id from moved)

),

deliveries as (

    select *
    from {{ source('raw', 'delivery_log') }}
    where message_id in (select message_id from tried_again)

),

facts as (

    {{ without_answered_claims('deliveries') }}

),

latest as (

    select
        *,
        bool_or(outcome = 'in_doubt') over (partition by message_id, attempt) as was_in_doubt,
        row_number() over (partition by message_id, attempt order by precedence, recorded_at desc) as recency
    from facts

),

attempts as (

    select
        message_id,
        attempts as attempt,
        enrollment_id,
        sequence_id,
        step_id,
        variant_id,
        lead_id,
        sender,
        address,
        sent_as_of as as_of,
        recorded_at,
        case when refused_at is not null then 'bounced' else status end as outcome,
        was_in_doubt,
        smtp_code,
        enhanced_code,
        detail,
        retry_at
    from {{ ref('kept_message_states_after_sending') }}
    where
        message_id in (select message_id from moved)
        and message_id not in (select message_id from tried_again)

    union all

    select
        message_id,
        attempt,
        enrollment_id,
        sequence_id,
        step_id,
        variant_id,
        lead_id,
        sender,
        {{ address('recipient') }} as address,
        as_of,
        recorded_at,
        outcome,
        was_in_doubt,
        smtp_code,
        enhanced_code,
        detail,
        retry_at
    from latest
    where recency = 1

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
    cast(split_part(address, '@', -1) as {{ text_type() }}) as recipient_domain,
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
from attempts
