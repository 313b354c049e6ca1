{#- The quantile of Student's distribution with `freedom` degrees of freedom where the normal one is `z`.
    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5: four digits from 5 degrees on. -#}
{% macro t_quantile(z, freedom) -%}
    {%- set z = z | float -%}
    (
        {{ z }}
        + {{ (z ** 3 + z) / 4 }} / ({{ freedom }})
        + {{ (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96 }} / power({{ freedom }}, 2)
        + {{ (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384 }} / power({{ freedom }}, 3)
        + {{ (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160 }} / power({{ freedom }}, 4)
    )
{%- endmacro %}
