{#- The natural logarithm of n! -#}
{% macro log_factorial(n) -%}
    {{ return(adapter.dispatch('log_factorial', 'drips')(n)) }}
{%- endmacro %}

{% macro default__log_factorial(n) -%}
    lgamma({{ n }} + 1.0)
{%- endmacro %}
