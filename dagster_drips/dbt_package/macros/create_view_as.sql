{#- A segment that ends with a semicolon, as statements do elsewhere, is the same segment without it. -#}
{% macro duckdb__create_view_as(relation, sql) -%}
    {{ return(dbt.duckdb__create_view_as(relation, modules.re.sub(';\\s*$', '', sql))) }}
{%- endmacro %}
