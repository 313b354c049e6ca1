{#- A model's schema is the one it names, without the target's in front: BI reads `marts.messages` in every target. Content models need name none (M9),
    so that a project that was made before there were any takes them as it is. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none and node.fqn[1:2] == ['content'] -%}
        content
    {%- else -%}
        {{ custom_schema_name if custom_schema_name is not none else target.schema }}
    {%- endif -%}
{%- endmacro %}
