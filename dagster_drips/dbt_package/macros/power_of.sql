{#- A number above 0 to the power of another; infinite where that is more than a number holds. -#}
{% macro power_of(base, exponent) -%}
    {{ return(adapter.dispatch('power_of', 'drips')(base, exponent)) }}
{%- endmacro %}

{% macro default__power_of(base, exponent) -%}
    power({{ base }}, {{ exponent }})
{%- endmacro %}

{#- Too large a number is an error there. -#}
{% macro postgres__power_of(base, exponent) -%}
    case
        when log({{ base }}) * {{ exponent }} > 290 then cast('Infinity' as double precision)
        else power({{ base }}, {{ exponent }})
    end
{%- endmacro %}
