{#- Whether a lead carries a tag: `where {{ has_tag('enterprise') }}`. -#}
{% macro has_tag(tag, tags='tags') -%}
    coalesce(list_contains({{ tags }}, '{{ tag | replace("'", "''") }}'), false)
{%- endmacro %}
