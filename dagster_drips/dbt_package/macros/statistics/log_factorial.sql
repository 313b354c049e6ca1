{#- The natural logarithm of n! -#}
{% macro log_factorial(n) -%}
    {{ return(adapter.dispatch('log_factorial', 'drips')(n)) }}
{%- endmacro %}

{% macro default__log_factorial(n) -%}
    lgamma({{ n }} + 1.0)
{%- endmacro %}

{#- Lanczos's series with g = 7 and nine terms: fifteen digits. -#}
{% macro postgres__log_factorial(n) -%}
    {%- set n = "cast(" ~ n ~ " as " ~ double_type() ~ ")" -%}
    (
        0.9189385332046727 + ({{ n }} + 0.5) * ln({{ n }} + 7.5) - ({{ n }} + 7.5)
        + ln(0.99999999999980993
            {%- for coefficient in [
                676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012,
                0.0000099843695780195716, 0.00000015056327351493116
            ] %} + ({{ coefficient }}) / ({{ n }} + {{ loop.index }}){% endfor %})
    )
{%- endmacro %}

{% macro spark__log_factorial(n) -%}
    {{ return(drips.postgres__log_factorial(n)) }}
{%- endmacro %}
