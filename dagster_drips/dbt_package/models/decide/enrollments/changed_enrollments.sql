{{ config(materialized='table') }}

-- Where an enrollment stands, of those that an earlier tick or an edit has moved since: open or closed, its next step, and when that can
-- matter next (M1, M2).
with

touched as (

    select enrollment_id from {{ source('earlier', 'enrollment_decisions') }}
    where
        decided_at >= {{ since() }}
        and decision = 'enrolled'
    union distinct
    select enrollment_id from {{ source('earlier', 'enrollment_closings') }}
    where closed_at >= {{ since() }}
    union distinct
    select enrollment_id from {{ source('earlier', 'skipped_steps') }}
    where resolved_at >= {{ since() }}
    union distinct
    select enrollment_id from {{ ref('changed_message_states') }}
    union distinct
    select decisions.enrollment_id
    from {{ source('earlier', 'enrollment_decisions') }} as decisions
    inner join {{ ref('changed_sequences') }} as changed
        on decisions.sequence_id = changed.sequence_id
    where decisions.decision = 'enrolled'

),

decisions as (

    select *
    from {{ source('earlier', 'enrollment_decisions') }}
    where enrollment_id in (select enrollment_id from touched)

),

enrollments as (

    {{ enrollments_of('decisions', source('earlier', 'enrollment_closings')) }}

),

open_enrollments as (

    select
        enrollment_id,
        sequence_id,
        lead_id,
        occurrence_id,
        triggered_at,
        enrolled_at,
        arm
    from enrollments
    where status = 'active'

),

messages as (

    select
        message_id,
        enrollment_id,
        step_id,
        status,
        sent_as_of
    from {{ ref('current_message_states') }}
    where enrollment_id in (select enrollment_id from open_enrollments)

),

skipped_steps as (

    select *
    from {{ source('earlier', 'skipped_steps') }}
    where enrollment_id in (select enrollment_id from open_enrollments)

),

resolved_steps as (

    {{ resolved_steps_of('messages', 'skipped_steps') }}

),

next_steps as (

    {{ next_steps_of('open_enrollments', 'resolved_steps') }}

)

select
    enrollments.enrollment_id,
    enrollments.sequence_id,
    enrollments.lead_id,
    enrollments.occurrence_id,
    enrollments.triggered_at,
    enrollments.enrolled_at,
    enrollments.arm,
    enrollments.status = 'active' as is_open,
    next_steps.step_id,
    next_steps.position,
    next_steps.message_id,
    next_steps.planned_at,
    next_steps.scheduled_at,
    next_steps.last_resolved_at,
    {{ add_seconds('next_steps.planned_at', 'next_steps.expires_after_seconds') }} as expires_at,
    messages.message_id is not null as is_tried,
    -- What was tried may be in doubt, whatever an edit has made of its delay since.
    case
        when messages.message_id is not null then timestamp '0001-01-01'
        else least(
            next_steps.scheduled_at,
            coalesce({{ add_seconds('next_steps.planned_at', 'next_steps.expires_after_seconds') }}, next_steps.scheduled_at)
        )
    end as matters_at
from enrollments
left join next_steps
    on enrollments.enrollment_id = next_steps.enrollment_id
left join messages
    on next_steps.message_id = messages.message_id
