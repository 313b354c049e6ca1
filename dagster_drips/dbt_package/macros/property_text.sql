{#- A property of an event as JSON text (E1): numbers as they were written, strings bare; NULL where it is missing or null.
    Found by JSON pointer (RFC 6901), in which a name may have any characters. -#}
{% macro property_text(properties, number_texts, property) -%}
    {{ return(adapter.dispatch('property_text', 'drips')(properties, number_texts, property)) }}
{%- endmacro %}

{% macro default__property_text(properties, number_texts, property) -%}
    {%- set pointer = "'/' || replace(replace(" ~ property ~ ", '~', '~0'), '/', '~1')" -%}
    coalesce(
        json_extract_string({{ number_texts }}, {{ pointer }}),
        json_extract_string({{ properties }}, {{ pointer }})
    )
{%- endmacro %}

{% macro postgres__property_text(properties, number_texts, property) -%}
    coalesce(cast({{ number_texts }} as json) ->> {{ property }}, cast({{ properties }} as json) ->> {{ property }})
{%- endmacro %}

{#- By the name itself: a path there can't say every name. -#}
{% macro spark__property_text(properties, number_texts, property) -%}
    coalesce(
        from_json({{ number_texts }}, 'map<string, string>')[{{ property }}],
        from_json({{ properties }}, 'map<string, string>')[{{ property }}]
    )
{%- endmacro %}
