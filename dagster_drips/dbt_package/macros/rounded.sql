{#- A number with so many digits behind the point. -#}
{% macro rounded(number, digits) -%}
    {{ return(adapter.dispatch('rounded', 'drips')(number, digits)) }}
{%- endmacro %}

{% macro default__rounded(number, digits) -%}
    round({{ number }}, {{ digits }})
{%- endmacro %}

{#- Only decimal numbers are rounded to digits there. -#}
{% macro postgres__rounded(number, digits) -%}
    cast(round(cast({{ number }} as numeric), {{ digits }}) as double precision)
{%- endmacro %}
