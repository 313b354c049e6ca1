{#- The earliest conversion of each of these enrollments (L2): the goal's event after the trigger, at most `within` after it. -#}
{% macro conversions_of(enrollments) -%}
    select
        enrollments.enrollment_id,
        min(goals.occurred_at) as converted_at
    from {{ enrollments }} as enrollments
    inner join {{ source('raw', 'sequences') }} as sequences
        on enrollments.sequence_id = sequences.sequence_id
    inner join {{ ref('matched_events') }} as goals
        on
            enrollments.sequence_id = goals.sequence_id
            and enrollments.lead_id = goals.lead_id
            and goals.role = 'goal'
            and goals.occurred_at > enrollments.triggered_at
            and (
                sequences.goal_within_seconds is null
                or goals.occurred_at <= {{ add_seconds('enrollments.triggered_at', 'sequences.goal_within_seconds') }}
            )
    group by enrollments.enrollment_id
{%- endmacro %}
