{#- A p in a sentence: four digits, and no `p = 0`. -#}
{% macro p_words(p) -%}
    case when {{ p }} < 0.0001 then 'p < 0.0001' else 'p = ' || {{ number_text(rounded(p, 4)) }} end
{%- endmacro %}
