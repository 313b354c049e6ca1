{#- The next step of each of these open enrollments and when it is scheduled (M1, M2): one row per enrollment that has one.
    `enrollments` has the columns `enrollment_id`, `sequence_id`, `triggered_at` and `arm`. Control has no steps to take (E8). -#}
{% macro next_steps_of(enrollments, resolved_steps) -%}
    select
        *,
        md5(enrollment_id || ':' || step_id) as message_id,
        -- `after: trigger` never runs ahead of the step before it (M2)
        greatest(planned_at, coalesce(last_resolved_at, planned_at)) as scheduled_at
    from (
        select
            enrollments.*,
            progress.last_resolved_at,
            steps.step_id,
            steps.position,
            steps.expires_after_seconds,
            steps.rollout,
            case
                when steps.after_trigger
                    then {{ add_seconds('enrollments.triggered_at', 'steps.delay_seconds') }}
                else
                    {{ add_seconds('coalesce(progress.last_resolved_at, enrollments.triggered_at)', 'steps.delay_seconds') }}
            end as planned_at
        from {{ enrollments }} as enrollments
        left join (
            select
                resolved.enrollment_id,
                max(positions.position) as furthest_position,
                max(resolved.resolved_at) as last_resolved_at
            from {{ resolved_steps }} as resolved
            inner join {{ enrollments }} as open_enrollments
                on resolved.enrollment_id = open_enrollments.enrollment_id
            inner join {{ ref('step_positions') }} as positions
                on open_enrollments.sequence_id = positions.sequence_id and resolved.step_id = positions.step_id
            group by resolved.enrollment_id
        ) as progress
            on enrollments.enrollment_id = progress.enrollment_id
        inner join {{ source('raw', 'sequence_steps') }} as steps
            on
                enrollments.sequence_id = steps.sequence_id
                and steps.position = coalesce(progress.furthest_position, 0) + 1
        where enrollments.arm = 'treatment'
    ) as planned
{%- endmacro %}
