-- A segment is its file alone; dbt learns of it from a generated list (E5). Fails where the list is behind the folder.
-- depends_on: {{ ref('selected_members') }}
{%- set unlisted = [] -%}
{#- A project that names other models as its segments has folders of its own. -#}
{%- if execute and var('segments', 'models/segments') == 'models/segments' -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.fqn[1] == 'segments' and node.name not in segment_names() -%}
        {%- do unlisted.append(node.name) -%}
    {%- endfor -%}
    {%- if unlisted -%}
        {{ exceptions.raise_compiler_error(
            "No result for the segment " ~ unlisted | sort | join(', ') ~ ": if it is new, run `drips validate` and build again;"
            ~ " if that does not help, its SQL fails and sequences that name it pause"
        ) }}
    {%- endif -%}
{%- endif %}
select 'unlisted' as segment
where false
