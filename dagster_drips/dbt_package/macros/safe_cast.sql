{#- dbt's own `safe_cast`, on DuckDB too: NULL where a value doesn't fit the type, in place of an error. -#}
{% macro duckdb__safe_cast(field, type) -%}
    try_cast({{ field }} as {{ type }})
{%- endmacro %}

{#- `ARRAY` is how the database's own catalog calls the type of a list, which no cast takes. Only unit tests cast to types of columns; ours are texts. -#}
{% macro postgres__safe_cast(field, type) -%}
    cast({{ field }} as {{ 'text[]' if type == 'ARRAY' else type }})
{%- endmacro %}
