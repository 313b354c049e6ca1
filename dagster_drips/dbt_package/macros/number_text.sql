{#- A fraction in a sentence, with as many digits as tell it from all others: `0.25`, `1.0`. -#}
{% macro number_text(number) -%}
    {{ return(adapter.dispatch('number_text', 'drips')(number)) }}
{%- endmacro %}

{% macro default__number_text(number) -%}
    cast({{ number }} as {{ text_type() }})
{%- endmacro %}

{#- Where a whole number has no point. -#}
{% macro postgres__number_text(number) -%}
    regexp_replace(cast({{ number }} as {{ text_type() }}), '^(-?[0-9]+)$', '\1.0')
{%- endmacro %}
