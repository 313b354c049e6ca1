{#- The marts' own watermark: up to where the incremental ones are current. It is set when these are built, so it may lie behind the one of
    `since`; without one everything is news. -#}

{#- The tick up to which they are: what has that instant or a later one may be news. -#}
{% macro since_marts() -%}
    coalesce((select max(as_of) from {{ source('raw', 'marts_watermark') }}), timestamp '0001-01-01')
{%- endmacro %}

{#- The last file that had been loaded then. -#}
{% macro since_marts_load() -%}
    coalesce((select max(load_id) from {{ source('raw', 'marts_watermark') }}), -1)
{%- endmacro %}

{#- Whether an instant was reached after the tick up to which they are current, and by now. -#}
{% macro came_of_age_since_marts(instant) -%}
    ({{ instant }} > {{ since_marts() }} and {{ instant }} <= {{ as_of() }})
{%- endmacro %}
