{#- An instant moved by a number of seconds; NULL where the number is. -#}
{% macro add_seconds(instant, seconds) -%}
    {{ return(adapter.dispatch('add_seconds', 'drips')(instant, seconds)) }}
{%- endmacro %}

{% macro default__add_seconds(instant, seconds) -%}
    ({{ instant }} + to_seconds({{ seconds }}))
{%- endmacro %}

{% macro postgres__add_seconds(instant, seconds) -%}
    ({{ instant }} + ({{ seconds }}) * interval '1 second')
{%- endmacro %}

{% macro spark__add_seconds(instant, seconds) -%}
    ({{ instant }} + ({{ seconds }}) * interval '1' second)
{%- endmacro %}
