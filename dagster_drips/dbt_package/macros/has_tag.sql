{#- Whether a lead carries a tag: `where {{ has_tag('enterprise') }}`. -#}
{% macro has_tag(tag, tags='tags') -%}
    {{ return(adapter.dispatch('has_tag', 'drips')(tag, tags)) }}
{%- endmacro %}

{% macro default__has_tag(tag, tags) -%}
    coalesce(list_contains({{ tags }}, '{{ tag | replace("'", "''") }}'), false)
{%- endmacro %}

{% macro postgres__has_tag(tag, tags) -%}
    coalesce('{{ tag | replace("'", "''") }}' = any({{ tags }}), false)
{%- endmacro %}

{% macro spark__has_tag(tag, tags) -%}
    coalesce(array_contains({{ tags }}, {{ drips.spark_text(tag) }}), false)
{%- endmacro %}
