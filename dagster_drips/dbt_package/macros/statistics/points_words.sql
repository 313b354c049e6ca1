{#- A difference of shares in a sentence, in percentage points with two digits. -#}
{% macro points_words(share) -%}
    {{ number_text(rounded('100.0 * (' ~ share ~ ')', 2)) }}
{%- endmacro %}
