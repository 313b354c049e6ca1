{#- A list of no texts. -#}
{% macro no_texts() -%}
    cast(array[] as varchar[])
{%- endmacro %}
