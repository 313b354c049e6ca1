{#- What a sequence's definition, the JSON that the journal keeps (S3), says at a path such as `goal.within.seconds`; NULL where it
    says nothing. -#}
{% macro definition_text(definition, path) -%}
    {{ return(adapter.dispatch('definition_text', 'drips')(definition, path)) }}
{%- endmacro %}

{% macro default__definition_text(definition, path) -%}
    json_extract_string({{ definition }}, '$.{{ path }}')
{%- endmacro %}

{#- As `json`, which keeps texts, numbers and the order of keys as they were written. -#}
{% macro postgres__definition_text(definition, path) -%}
    (cast({{ definition }} as json) #>> '{{ '{' ~ path | replace('.', ',') ~ '}' }}')
{%- endmacro %}

{% macro spark__definition_text(definition, path) -%}
    get_json_object({{ definition }}, '$.{{ path }}')
{%- endmacro %}
