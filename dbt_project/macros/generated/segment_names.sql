{#- Made by ticks, replays and `drips validate` from the files in models/segments; don't edit. -#}
{% macro default__segment_names() -%}
    {{ return(['customers', 'dormant', 'enterprise', 'nurture', 'small_business']) }}
{%- endmacro %}
