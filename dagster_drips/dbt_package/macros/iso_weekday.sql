{#- The day of the week of an instant: 1 is Monday. -#}
{% macro iso_weekday(instant) -%}
    {{ return(adapter.dispatch('iso_weekday', 'drips')(instant)) }}
{%- endmacro %}

{% macro default__iso_weekday(instant) -%}
    extract(isodow from {{ instant }})
{%- endmacro %}

{% macro spark__iso_weekday(instant) -%}
    extract(dayofweek_iso from {{ instant }})
{%- endmacro %}
