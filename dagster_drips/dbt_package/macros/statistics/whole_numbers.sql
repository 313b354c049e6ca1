{#- One row per whole number from `low` to `high`, both included, in a select list. -#}
{% macro whole_numbers(low, high) -%}
    {{ return(adapter.dispatch('whole_numbers', 'drips')(low, high)) }}
{%- endmacro %}

{% macro default__whole_numbers(low, high) -%}
    unnest(generate_series(cast({{ low }} as bigint), cast({{ high }} as bigint)))
{%- endmacro %}

{% macro postgres__whole_numbers(low, high) -%}
    generate_series(cast({{ low }} as bigint), cast({{ high }} as bigint))
{%- endmacro %}

{#- A sequence there counts down where the last is the smaller. -#}
{% macro spark__whole_numbers(low, high) -%}
    explode(
        case when cast({{ low }} as bigint) <= cast({{ high }} as bigint) then sequence(cast({{ low }} as bigint), cast({{ high }} as bigint)) end
    )
{%- endmacro %}
