{#- The segments that sequences name as they are live at this tick, wherever (E5): one row per sequence and segment. -#}
{% macro named_segments() -%}
    select sequence_id, segment from {{ source('raw', 'sequence_segments') }}
    union distinct
    select sequence_id, trigger_segment from {{ source('raw', 'sequences') }}
    where trigger_segment is not null
    union distinct
    select sequence_id, value from {{ source('raw', 'step_conditions') }}
    where kind = 'segment'
{%- endmacro %}
