{#- Every event that the goal of one of these enrollments counts (L2): the event that the version which enrolled named, after the
    trigger, at most `within` after it. One row an enrollment and event; `also`: more columns of the enrollment that it is to have. -#}
{% macro orders_of(enrollments, matched_events, also=[]) -%}
    select
        enrollments.enrollment_id,
        {%- for column in also %}
        enrollments.{{ column }},
        {%- endfor %}
        goals.event_id,
        goals.occurred_at
    from {{ enrollments }} as enrollments
    inner join {{ ref('goal_spells') }} as spells
        on
            enrollments.sequence_id = spells.sequence_id
            and enrollments.enrolled_at >= spells.seen_at
            and (spells.until is null or enrollments.enrolled_at < spells.until)
    inner join {{ matched_events }} as goals
        on
            enrollments.sequence_id = goals.sequence_id
            and spells.goal_id = goals.goal_id
            and enrollments.lead_id = goals.lead_id
            and goals.role = 'goal'
            and goals.occurred_at > enrollments.triggered_at
            and (
                spells.goal_within_seconds is null
                or goals.occurred_at <= {{ add_seconds('enrollments.triggered_at', 'spells.goal_within_seconds') }}
            )
{%- endmacro %}
