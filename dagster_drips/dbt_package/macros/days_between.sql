{#- How many days the date of an instant lies behind the date of another; NULL where one of them is. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between', 'drips')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    {{ return(dbt.datediff(earlier, later, 'day')) }}
{%- endmacro %}

{#- dbt's own raises an error there where an instant is NULL. -#}
{% macro spark__days_between(earlier, later) -%}
    datediff({{ later }}, {{ earlier }})
{%- endmacro %}
