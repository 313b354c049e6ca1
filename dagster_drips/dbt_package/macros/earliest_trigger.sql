{#- The earliest trigger of those that this tick enrolls (`of_new_enrollments`) or asks conditions of (`of_conditions`), as a scalar; NULL where there
    is none. -#}
{% macro earliest_trigger(whose) -%}
    (select max({{ whose }}) from {{ ref('earliest_triggers') }})
{%- endmacro %}
