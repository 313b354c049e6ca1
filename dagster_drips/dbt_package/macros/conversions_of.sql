{#- The earliest conversion of each of these enrollments (L2): the first of its orders. -#}
{% macro conversions_of(enrollments, matched_events) -%}
    select
        enrollment_id,
        min(occurred_at) as converted_at
    from (
        {{ orders_of(enrollments, matched_events) }}
    ) as orders
    group by enrollment_id
{%- endmacro %}
