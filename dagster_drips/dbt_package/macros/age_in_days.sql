{#- How many whole days of 24 hours an instant lies behind another, the first of them 0; what came before counts as 0. -#}
{% macro age_in_days(since, instant) -%}
    cast(greatest(floor({{ seconds_between(since, instant) }} / 86400), 0) as integer)
{%- endmacro %}
