{#- A model's schema is the one it names, as the package has it, without the target's in front. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(drips.generate_schema_name(custom_schema_name, node)) }}
{%- endmacro %}
