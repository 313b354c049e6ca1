{#- A property of an event as JSON text (E1): numbers as they were written, strings bare; NULL where it is missing or null. -#}
{% macro property_text(properties, number_texts, property) -%}
    coalesce(
        json_extract_string({{ number_texts }}, '$."' || {{ property }} || '"'),
        json_extract_string({{ properties }}, '$."' || {{ property }} || '"')
    )
{%- endmacro %}
