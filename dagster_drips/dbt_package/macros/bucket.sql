{#- A number in [0, 1) that a salt always gives (E7): the first 8 hex digits of its md5, over 2^32.
    Digit by digit, since engines differ in how they cast hex. -#}
{% macro bucket(salt) -%}
    {{ return(adapter.dispatch('bucket', 'drips')(salt)) }}
{%- endmacro %}

{% macro default__bucket(salt) -%}
    ((
    {%- for place in range(1, 9) %}
        (strpos('0123456789abcdef', substr(md5({{ salt }}), {{ place }}, 1)) - 1) * {{ 16 ** (8 - place) }}
        {%- if not loop.last %} + {% endif %}
    {%- endfor %}
    ) / 4294967296.0)
{%- endmacro %}

{#- Its whole numbers have 32 bits, where the sum of eight digits has not. -#}
{% macro postgres__bucket(salt) -%}
    (cast(cast('x' || substr(md5({{ salt }}), 1, 8) as bit(32)) as bigint) / cast(4294967296 as double precision))
{%- endmacro %}

{% macro spark__bucket(salt) -%}
    (cast(conv(substr(md5({{ salt }}), 1, 8), 16, 10) as double) / 4294967296D)
{%- endmacro %}
