{#- The chance of a normal deviate at least as far from 0 as `z`, on either side: erfc(|z| / sqrt(2)).
    Chebyshev fit of Press et al., Numerical Recipes (erfcc), since few engines have erf(): its error is below 1.2e-7 of the value
    itself, however small that is. Below 1e-300 it says 1e-300. -#}
{% macro two_sided_p(z) -%}
    {%- set x = "least(abs(" ~ z ~ ") / sqrt(2.0), 26.3)" -%}
    {%- set t = "(1.0 / (1.0 + 0.5 * " ~ x ~ "))" -%}
    {%- set coefficients = [
        1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277
    ] -%}
    least(1.0, greatest(1e-300, {{ t }} * exp(-{{ x }} * {{ x }} - 1.26551223
        {%- for coefficient in coefficients %} + {{ t }} * ({{ coefficient }}{% endfor %}{{ ")" * coefficients | length }})))
{%- endmacro %}
