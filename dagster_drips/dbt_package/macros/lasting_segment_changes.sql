{#- Changes of segments that lasted: of a tick that was repeated with other data, the journal has both what it first saw and what
    took that back, at one instant; together they are no change. -#}
{% macro lasting_segment_changes() -%}
    select
        segment,
        lead_id,
        as_of,
        change,
        is_entry
    from (
        select
            *,
            count(*) over (partition by segment, lead_id, as_of) as changes_at_once
        from {{ source('journal', 'segment_changes') }}
    ) as changes
    where changes_at_once = 1
{%- endmacro %}
