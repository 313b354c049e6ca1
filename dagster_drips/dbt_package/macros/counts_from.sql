{#- From when on an event, or a lead's creation, counts as an occurrence of a sequence (E2, S1): from its opening on less `lookback`, which
    reaches behind no return from `archived`. -#}
{% macro counts_from(sequences) -%}
    greatest(
        {{ add_seconds(sequences ~ '.opens_at', '-' ~ sequences ~ '.lookback_seconds') }},
        coalesce({{ sequences }}.restarted_at, {{ add_seconds(sequences ~ '.opens_at', '-' ~ sequences ~ '.lookback_seconds') }})
    )
{%- endmacro %}
