{#- Names of types that engines have no common word for. -#}

{% macro text_type() -%}
    {{ return(adapter.dispatch('text_type', 'drips')()) }}
{%- endmacro %}

{% macro default__text_type() -%}
    varchar
{%- endmacro %}

{#- A `varchar` has a length there. -#}
{% macro spark__text_type() -%}
    string
{%- endmacro %}

{#- Floating point numbers of 64 bits. -#}
{% macro double_type() -%}
    {{ return(adapter.dispatch('double_type', 'drips')()) }}
{%- endmacro %}

{% macro default__double_type() -%}
    double precision
{%- endmacro %}

{% macro spark__double_type() -%}
    double
{%- endmacro %}

{#- No text, where a column of texts is meant. -#}
{% macro no_text() -%}
    cast(null as {{ text_type() }})
{%- endmacro %}

{#- A list of no texts. -#}
{% macro no_texts() -%}
    {{ return(adapter.dispatch('no_texts', 'drips')()) }}
{%- endmacro %}

{% macro default__no_texts() -%}
    cast(array[] as varchar[])
{%- endmacro %}

{% macro spark__no_texts() -%}
    cast(array() as array<string>)
{%- endmacro %}
