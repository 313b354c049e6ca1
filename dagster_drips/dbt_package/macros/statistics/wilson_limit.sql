{#- A limit of Wilson's score interval of a share of `n`, which may be a fraction (Wilson, JASA 22, 1927).
    `z` below 0 gives the lower limit, above 0 the upper. -#}
{% macro wilson_limit(share, n, z) -%}
    least(1.0, greatest(0.0, (
        {{ share }} + {{ z * z / 2 }} / {{ n }}
        {{ '-' if z < 0 else '+' }} {{ z | abs }} * sqrt({{ share }} * (1.0 - {{ share }}) / {{ n }} + {{ z * z / 4 }} / ({{ n }} * {{ n }}))
    ) / (1.0 + {{ z * z }} / {{ n }})))
{%- endmacro %}
