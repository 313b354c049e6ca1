{#- Changes of segments that lasted: of a tick that was repeated with other data, the journal has both what it first saw and what
    took that back, at one instant; together they are no change. -#}
{% macro lasting_segment_changes() -%}
    select *
    from {{ source('journal', 'segment_changes') }}
    qualify count(*) over (partition by segment, lead_id, as_of) = 1
{%- endmacro %}
