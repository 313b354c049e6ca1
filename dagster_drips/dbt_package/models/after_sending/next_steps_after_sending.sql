-- Where enrollments stood when this tick decided is kept; of those that it has moved since, by a send, a skip or by enrolling, it is asked anew.
with

touched as (

    select enrollment_id from {{ source('raw', 'delivery_log') }}
    where
        as_of >= {{ since() }}
        or message_id in (select message_id from {{ source('raw', 'late_deliveries') }})
    union distinct
    select enrollment_id from {{ source('journal', 'skipped_steps') }}
    where resolved_at >= {{ since() }}
    union distinct
    select enrollment_id from {{ source('journal', 'enrollment_decisions') }}
    where
        decided_at >= {{ since() }}
        and decision = 'enrolled'

),

active as (

    select *
    from {{ ref('enrollments_after_sending') }}
    where
        enrollment_id in (select enrollment_id from touched)
        and status = 'active'

),

messages as (

    select
        enrollment_id,
        step_id,
        status,
        sent_as_of
    from {{ ref('kept_message_states_after_sending') }}
    where enrollment_id in (select enrollment_id from active)

),

skipped_steps as (

    select *
    from {{ source('journal', 'skipped_steps') }}
    where enrollment_id in (select enrollment_id from active)

),

resolved_steps as (

    {{ resolved_steps_of('messages', 'skipped_steps') }}

),

next_steps as (

    {{ next_steps_of('active', 'resolved_steps') }}

)

select
    enrollment_id,
    sequence_id,
    lead_id,
    step_id,
    message_id,
    scheduled_at,
    {{ add_seconds('planned_at', 'expires_after_seconds') }} as expires_at
from next_steps

union all

select
    enrollment_id,
    sequence_id,
    lead_id,
    step_id,
    message_id,
    scheduled_at,
    expires_at
from {{ ref('current_enrollments') }}
where
    is_open
    and step_id is not null
    and enrollment_id not in (select enrollment_id from touched)
    and enrollment_id not in (
        select enrollment_id from {{ source('journal', 'enrollment_closings') }}
        where closed_at >= {{ since() }}
    )
