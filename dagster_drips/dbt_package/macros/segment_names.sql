{#- The names of all segments (E5): the project's generated list, as dbt can't list a folder while it parses. -#}
{% macro segment_names() -%}
    {{ return(adapter.dispatch('segment_names', 'drips')()) }}
{%- endmacro %}

{#- Without a project around the package there are none. -#}
{% macro default__segment_names() -%}
    {{ return([]) }}
{%- endmacro %}
