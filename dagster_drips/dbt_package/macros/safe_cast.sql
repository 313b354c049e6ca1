{#- dbt's own `safe_cast`, on DuckDB too: NULL where a value doesn't fit the type, in place of an error. -#}
{% macro duckdb__safe_cast(field, type) -%}
    try_cast({{ field }} as {{ type }})
{%- endmacro %}
