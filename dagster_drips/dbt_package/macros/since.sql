{#- The watermark: up to where the tables of folder `kept` are current. What came since is what a tick looks at; of a warehouse without one
    that is all. -#}

{#- The tick up to which they are: what has that instant or a later one may be news. -#}
{% macro since() -%}
    coalesce((select max(as_of) from {{ source('raw', 'watermark') }}), timestamp '0001-01-01')
{%- endmacro %}

{#- The last file that had been loaded then. -#}
{% macro since_load() -%}
    coalesce((select max(load_id) from {{ source('raw', 'watermark') }}), -1)
{%- endmacro %}

{#- Whether an instant was reached after the tick up to which they are current, and by now. -#}
{% macro came_of_age(instant) -%}
    ({{ instant }} > {{ since() }} and {{ instant }} <= {{ as_of() }})
{%- endmacro %}
