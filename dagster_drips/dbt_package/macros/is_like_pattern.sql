{#- Whether a text has a regular expression anywhere in it, without regard to case. -#}
{% macro is_like_pattern(text, pattern) -%}
    {{ return(adapter.dispatch('is_like_pattern', 'drips')(text, pattern)) }}
{%- endmacro %}

{% macro default__is_like_pattern(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }}, 'i')
{%- endmacro %}

{% macro postgres__is_like_pattern(text, pattern) -%}
    {{ text }} ~* {{ pattern }}
{%- endmacro %}

{% macro spark__is_like_pattern(text, pattern) -%}
    {{ text }} rlike ('(?i)' || {{ pattern }})
{%- endmacro %}
