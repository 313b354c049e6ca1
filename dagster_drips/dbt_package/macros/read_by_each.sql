{#- Behind the `as` of a common table that several read: DuckDB reads it once for all of them. PostgreSQL would write it down, and joins what was
    written down the long way round; there each reads the table behind it. -#}
{% macro read_by_each() -%}
    {{ return(adapter.dispatch('read_by_each', 'drips')()) }}
{%- endmacro %}

{% macro default__read_by_each() -%}
{%- endmacro %}

{% macro postgres__read_by_each() -%}
    not materialized
{%- endmacro %}
