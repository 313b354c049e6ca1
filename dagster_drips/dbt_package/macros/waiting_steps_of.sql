{#- Why these open enrollments, for which the tick had nothing to do, wait (M1 … M7): the columns of `judged_steps` in its order, but for the last two (`detail`, `send_rank`). `enrollments` has
    the columns of `open_enrollments`. -#}
{% macro waiting_steps_of(enrollments) -%}
    with

    their_resolved_steps as (

        {{ resolved_steps_of(ref('current_message_states'), source('earlier', 'skipped_steps')) }}

    )

    select
        enrollment_id,
        sequence_id,
        lead_id,
        occurrence_id,
        triggered_at,
        enrolled_at,
        step_id,
        position,
        message_id,
        planned_at,
        scheduled_at,
        version_id,
        trigger_kind,
        sender_name,
        sender_email,
        sender_reply_to,
        priority,
        transactional,
        recipient,
        address,
        attempt,
        retry_at,
        {{ as_of() }} as as_of,
        'waiting' as state,
        eligibility as reason
    from (
        {{ step_candidates_of(enrollments, ref('current_message_states'), 'their_resolved_steps') }}
    ) as candidates
{%- endmacro %}
