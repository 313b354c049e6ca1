{#- The tick's instant (T1), as a scalar: `where occurred_at > {{ as_of() }} - interval '30 days'`. -#}
{% macro as_of() -%}
    (select as_of from {{ source('raw', 'tick') }})
{%- endmacro %}
