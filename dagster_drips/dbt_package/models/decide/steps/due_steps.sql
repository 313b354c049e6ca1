{{ config(materialized='table', meta={'empty_without': ['judged_steps']}) }}

with

due as (

    select * from {{ ref('judged_steps') }}
    where state = 'due'

),

-- The first variant whose share of the weights the lead's bucket falls into (M8).
shares as (

    select
        sequence_id,
        step_id,
        variant_id,
        position,
        sum(weight) over (
            partition by sequence_id, step_id
            order by position
            rows between unbounded preceding and current row
        ) as cumulative_weight,
        sum(weight) over (partition by sequence_id, step_id) as total_weight
    from {{ source('raw', 'step_variants') }}

),

chosen as (

    select
        due.message_id,
        shares.variant_id,
        row_number() over (partition by due.message_id order by shares.position) as choice
    from due
    inner join shares
        on
            due.sequence_id = shares.sequence_id
            and due.step_id = shares.step_id
            and {{ variant_bucket('due.sequence_id', 'due.step_id', 'due.lead_id') }}
            * shares.total_weight < shares.cumulative_weight

)

select
    due.message_id,
    due.enrollment_id,
    due.sequence_id,
    due.version_id,
    due.step_id,
    chosen.variant_id,
    due.lead_id,
    due.sender_name,
    due.sender_email,
    due.sender_reply_to,
    due.recipient,
    due.address,
    due.scheduled_at,
    due.as_of,
    due.attempt,
    due.transactional,
    due.triggered_at,
    due.occurrence_id,
    due.trigger_kind,
    due.send_rank
from due
left join chosen
    on due.message_id = chosen.message_id and chosen.choice = 1
