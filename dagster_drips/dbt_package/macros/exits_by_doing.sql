{#- Which of these open enrollments end by what their leads did (L1): 4 converted, 5 an exit event, 6 replied. One row per enrollment and event; asked
    of all that is known when a tick decides, and of what has landed since while it sends. -#}
{% macro exits_by_doing(enrollments, events, matched_events, engagement_facts, instant) -%}
    select
        enrollments.enrollment_id,
        enrollments.sequence_id,
        enrollments.lead_id,
        4 as rank
    from {{ enrollments }} as enrollments
    inner join {{ ref('live_sequences') }} as sequences
        on enrollments.sequence_id = sequences.sequence_id and sequences.exits_on_goal
    inner join (
        {{ conversions_of(enrollments, matched_events) }}
    ) as conversions
        on enrollments.enrollment_id = conversions.enrollment_id

    union all

    select
        enrollments.enrollment_id,
        enrollments.sequence_id,
        enrollments.lead_id,
        5 as rank
    from {{ enrollments }} as enrollments
    inner join {{ source('raw', 'sequence_exit_events') }} as exit_events
        on enrollments.sequence_id = exit_events.sequence_id
    inner join {{ events }} as events
        on
            exit_events.event = events.event
            and enrollments.lead_id = events.lead_id
            and events.occurred_at > enrollments.triggered_at

    union all

    select
        enrollments.enrollment_id,
        enrollments.sequence_id,
        enrollments.lead_id,
        6 as rank
    from {{ enrollments }} as enrollments
    inner join {{ ref('live_sequences') }} as sequences
        on enrollments.sequence_id = sequences.sequence_id and sequences.exits_on_reply
    inner join {{ engagement_facts }} as replies
        on
            enrollments.enrollment_id = replies.enrollment_id
            and replies.type = 'replied'
            and replies.effective_at <= {{ instant }}
{%- endmacro %}
