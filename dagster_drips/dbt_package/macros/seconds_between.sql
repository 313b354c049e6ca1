{#- How many seconds an instant lies behind another, with their fractions; below 0 where it lies before it. -#}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'drips')(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    extract(epoch from ({{ later }} - {{ earlier }}))
{%- endmacro %}

{% macro spark__seconds_between(earlier, later) -%}
    (timestampdiff(microsecond, {{ earlier }}, {{ later }}) / 1e6)
{%- endmacro %}
