-- The last thing of a tick (T4, 9): this tick's enrollments, exits, skips and sends are in.
with

decisions as (

    select *
    from {{ source('journal', 'enrollment_decisions') }}
    where enrollment_id in (select enrollment_id from {{ ref('completion_candidates') }})

),

open_enrollments as (

    select enrollments.*
    from (
        {{ enrollments_of('decisions', source('earlier', 'enrollment_closings')) }}
    ) as enrollments
    left join {{ ref('new_enrollment_closings') }} as exits
        on enrollments.enrollment_id = exits.enrollment_id
    where
        enrollments.status = 'active'
        and exits.enrollment_id is null

),

progress as (

    select
        resolved.enrollment_id,
        max(positions.position) as furthest_position
    from {{ ref('resolved_steps_after_sending') }} as resolved
    inner join open_enrollments as enrollments
        on resolved.enrollment_id = enrollments.enrollment_id
    inner join {{ ref('step_positions') }} as positions
        on enrollments.sequence_id = positions.sequence_id and resolved.step_id = positions.step_id
    group by resolved.enrollment_id

),

lengths as (

    select
        sequence_id,
        max(position) as last_position
    from {{ source('raw', 'sequence_steps') }}
    group by sequence_id

),

-- The instant of a sequence's last step, counted from the trigger (E8): from every `after: trigger` step, and from the
-- trigger itself, the delays that follow it add up; the latest of these sums rules.
delays_behind as (

    select
        sequence_id,
        after_trigger,
        delay_seconds,
        coalesce(
            sum(case when after_trigger then 0 else delay_seconds end) over (
                partition by sequence_id
                order by position desc
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as seconds_behind,
        sum(case when after_trigger then 0 else delay_seconds end) over (partition by sequence_id) as seconds_in_all
    from {{ source('raw', 'sequence_steps') }}

),

control_spans as (

    select
        sequence_id,
        greatest(
            max(seconds_in_all),
            max(case when after_trigger then delay_seconds + seconds_behind else 0 end)
        ) as seconds
    from delays_behind
    group by sequence_id

)

select
    enrollments.enrollment_id,
    {{ as_of() }} as closed_at,
    'completed' as status,
    {{ no_text() }} as exit_reason
from open_enrollments as enrollments
inner join lengths
    on enrollments.sequence_id = lengths.sequence_id
inner join control_spans
    on enrollments.sequence_id = control_spans.sequence_id
left join progress
    on enrollments.enrollment_id = progress.enrollment_id
where
    (
        enrollments.arm = 'treatment'
        and progress.furthest_position >= lengths.last_position
    )
    or (
        enrollments.arm = 'control'
        and {{ add_seconds('enrollments.triggered_at', 'control_spans.seconds') }} <= {{ as_of() }}
    )
