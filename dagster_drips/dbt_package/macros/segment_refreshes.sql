{#- The segments that keep their result for a while (E10), as pairs of name and seconds: `refresh` in the `meta` of their models. -#}
{% macro segment_refreshes() -%}
    {%- set seconds = {'m': 60, 'h': 3600, 'd': 86400} -%}
    {%- set names = segment_names() -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name in names and node.config.meta.refresh -%}
            {%- do found.append([node.name, node.config.meta.refresh[:-1] | int * seconds[node.config.meta.refresh[-1]]]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found | sort) }}
{%- endmacro %}
