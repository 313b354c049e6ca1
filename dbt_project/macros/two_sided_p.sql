{#- The chance of a normal deviate at least as far from 0 as `z`, on either side.
    Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: exact to 1.5e-7; few engines have erf(). -#}
{% macro two_sided_p(z) -%}
    {%- set x = "(abs(" ~ z ~ ") / sqrt(2.0))" -%}
    {%- set t = "(1.0 / (1.0 + 0.3275911 * " ~ x ~ "))" -%}
    (
        {{ t }} * (0.254829592 + {{ t }} * (-0.284496736 + {{ t }} * (1.421413741 + {{ t }} * (-1.453152027
        + {{ t }} * 1.061405429)))) * exp(-{{ x }} * {{ x }})
    )
{%- endmacro %}
