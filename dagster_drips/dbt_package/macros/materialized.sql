{#- `as {{ materialized() }} (…)`: a common table expression that is computed once, however often it is asked, where the engine can be told so. -#}
{% macro materialized() -%}
    {{ return(adapter.dispatch('materialized', 'drips')()) }}
{%- endmacro %}

{% macro default__materialized() -%}
    materialized
{%- endmacro %}

{#- It computes equal parts of a plan once by itself. -#}
{% macro spark__materialized() -%}
{%- endmacro %}
