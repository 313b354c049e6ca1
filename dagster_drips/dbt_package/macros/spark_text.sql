{#- A text as a literal of Spark's SQL, in which a backslash is an escape. -#}
{% macro spark_text(value) -%}
    '{{ value | string | replace("\\", "\\\\") | replace("'", "\\'") }}'
{%- endmacro %}
