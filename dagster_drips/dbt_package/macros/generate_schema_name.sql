{#- A model's schema is the one it names, without the target's in front: BI reads `marts.messages` in every target. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name if custom_schema_name is not none else target.schema }}
{%- endmacro %}
