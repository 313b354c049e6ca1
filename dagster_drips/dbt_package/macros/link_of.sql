{#- A link without its query and fragment: what stands there differs from reader to reader, and may name them. -#}
{% macro link_of(url) -%}
    split_part(split_part({{ url }}, '#', 1), '?', 1)
{%- endmacro %}
