{#- What groups make lists of. -#}

{#- The texts of a group in one, with `separator` (SQL) between them. A `filter (where …)` may follow. -#}
{% macro joined_texts(text, separator, order) -%}
    {{ return(adapter.dispatch('joined_texts', 'drips')(text, separator, order)) }}
{%- endmacro %}

{% macro default__joined_texts(text, separator, order) -%}
    string_agg({{ text }}, {{ separator }} order by {{ order }})
{%- endmacro %}

{% macro spark__joined_texts(text, separator, order) -%}
    listagg({{ text }}, {{ separator }}) within group (order by {{ order }})
{%- endmacro %}

{#- The values of a group as a list in their own order, each once or as often as it is there; of none there is no list but NULL. -#}
{% macro sorted_list(value, distinct=false, descending=false) -%}
    {{ return(adapter.dispatch('sorted_list', 'drips')(value, distinct, descending)) }}
{%- endmacro %}

{% macro default__sorted_list(value, distinct, descending) -%}
    array_agg({{ 'distinct ' if distinct }}{{ value }} order by {{ value }}{{ ' desc' if descending }})
{%- endmacro %}

{% macro spark__sorted_list(value, distinct, descending) -%}
    sort_array({{ 'collect_set' if distinct else 'collect_list' }}({{ value }}), {{ 'false' if descending else 'true' }})
{%- endmacro %}
