{#- The normal deviate that is as unlikely as `t` of Student's distribution with `freedom` degrees of freedom, which may be a
    fraction. Hill, Algorithm 395, CACM 13 (1970): six digits from 5 degrees on. -#}
{% macro deviate_of_t(t, freedom) -%}
    {%- set a = "((" ~ freedom ~ ") - 0.5)" -%}
    {%- set b = "(48.0 * " ~ a ~ " * " ~ a ~ ")" -%}
    {%- set y = "(" ~ a ~ " * ln(1.0 + (" ~ t ~ ") * (" ~ t ~ ") / (" ~ freedom ~ ")))" -%}
    ((
        ((((-0.4 * {{ y }} - 3.3) * {{ y }} - 24.0) * {{ y }} - 85.5)
            / (0.8 * {{ y }} * {{ y }} + 100.0 + {{ b }}) + {{ y }} + 3.0) / {{ b }} + 1.0
    ) * sqrt({{ y }}))
{%- endmacro %}
