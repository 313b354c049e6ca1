{#- What became of each message, from facts of its deliveries: one row a message. -#}
{% macro message_states_of(deliveries) -%}
    -- An attempt gets one answer or none; without one it is in doubt, and whatever else stands there then was put down to resolve the doubt: a deferral, too, made it due again.
    with

    facts as (

        {{ without_answered_claims(deliveries) }}

    ),

    -- What was ever sent is sent. A later attempt supersedes a deferral, which may have resolved a doubt; an answer supersedes
    -- the claim before it. Never the order of rows: two of one outcome are told apart by their times.
    latest as (

        select
            *,
            bool_or(outcome = 'in_doubt') over (partition by message_id) as was_in_doubt,
            row_number() over (
                partition by message_id
                order by
                    (outcome = 'sent') desc,
                    attempt desc,
                    precedence,
                    recorded_at desc
            ) as recency
        from facts

    )

    select
        message_id,
        enrollment_id,
        sequence_id,
        version_id,
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
        retry_at,
        was_in_doubt
    from latest
    where recency = 1
{%- endmacro %}

{#- Facts of deliveries with the place of each among those of its attempt, without claims that got an answer: nearly half of all rows, and
    they never count. -#}
{% macro without_answered_claims(deliveries) -%}
    select
        *,
        {{ outcome_precedence('outcome') }} as precedence
    from {{ deliveries }}
    where outcome <> 'claimed'

    union all

    select
        claims.*,
        {{ outcome_precedence("'claimed'") }} as precedence
    from {{ deliveries }} as claims
    where
        claims.outcome = 'claimed'
        and not exists (
            select 1
            from {{ deliveries }} as answers
            where
                answers.outcome <> 'claimed'
                and answers.message_id = claims.message_id
                and answers.attempt = claims.attempt
        )
{%- endmacro %}
