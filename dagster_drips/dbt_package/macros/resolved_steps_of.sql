{#- Steps that are done with: sent, skipped, or failed for good (M1). One row per enrollment and step. -#}
{% macro resolved_steps_of(states, skipped_steps) -%}
    select
        enrollment_id,
        step_id,
        sent_as_of as resolved_at,
        status as resolution
    from {{ states }}
    where status in ('sent', 'failed')

    union all

    select
        enrollment_id,
        step_id,
        resolved_at,
        resolution
    from {{ skipped_steps }}
{%- endmacro %}
