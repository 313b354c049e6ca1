{#- Whether a landed row is the word of a source that is trusted: a landed file, a server's key, or a page's call with proof of
    its user. What a page says without proof is marked `page`, or `anonymous` where it names no user (docs/security.md). -#}
{% macro is_trusted(row) -%}
    ({{ row }}._drips_source is null or {{ row }}._drips_source = 'verified')
{%- endmacro %}
