{#- The value of a group's latest row that has one, by an instant. -#}
{% macro latest_of(value, at) -%}
    {{ return(adapter.dispatch('latest_of', 'drips')(value, at)) }}
{%- endmacro %}

{% macro default__latest_of(value, at) -%}
    max_by({{ value }}, {{ at }})
{%- endmacro %}

{% macro postgres__latest_of(value, at) -%}
    (array_agg({{ value }} order by {{ at }} desc) filter (where {{ value }} is not null and {{ at }} is not null))[1]
{%- endmacro %}

{#- A value that is NULL counts there as any other. -#}
{% macro spark__latest_of(value, at) -%}
    max_by({{ value }}, {{ at }}) filter (where {{ value }} is not null and {{ at }} is not null)
{%- endmacro %}
