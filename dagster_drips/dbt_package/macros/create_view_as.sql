{#- A segment that ends with a semicolon, as statements do elsewhere, is the same segment without it. -#}
{% macro duckdb__create_view_as(relation, sql) -%}
    {{ return(dbt.duckdb__create_view_as(relation, modules.re.sub(';\\s*$', '', sql))) }}
{%- endmacro %}

{% macro postgres__create_view_as(relation, sql) -%}
    {{ return(dbt.default__create_view_as(relation, modules.re.sub(';\\s*$', '', sql))) }}
{%- endmacro %}

{#- What a run makes is read in the same run, and the server looks at a new table only a minute later: without statistics a plan takes
    tens of thousands of rows for one. -#}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {{ dbt.postgres__create_table_as(temporary, relation, sql) }}
    analyze {{ relation }};
{%- endmacro %}

{% macro spark__create_view_as(relation, sql) -%}
    {{ return(dbt.spark__create_view_as(relation, modules.re.sub(';\\s*$', '', sql))) }}
{%- endmacro %}
