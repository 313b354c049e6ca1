{#- Why these open enrollments, for which the tick had nothing to do, wait (M1 … M7): the columns of `judged_steps` that they have. `enrollments` has
    the columns of `open_enrollments`. -#}
{% macro waiting_steps_of(enrollments) -%}
    with

    their_resolved_steps as (

        {{ resolved_steps_of(ref('current_message_states'), source('earlier', 'skipped_steps')) }}

    )

    select
        candidates.* exclude (
            last_resolved_at, expires_after_seconds, rollout, arm, is_held, is_running, confirmation, was_asked_lately, message_status,
            window_is_open, fails_condition, eligibility
        ),
        {{ as_of() }} as as_of,
        'waiting' as state,
        eligibility as reason
    from (
        {{ step_candidates_of(enrollments, ref('current_message_states'), 'their_resolved_steps') }}
    ) as candidates
{%- endmacro %}
