{#- Waivers of gates that count at this tick (G1), of several the one given last: one row per gate and sequence. -#}
{% macro current_waivers() -%}
    select
        gate,
        sequence_id,
        until,
        given_by,
        why
    from (
        select
            *,
            row_number() over (partition by gate, sequence_id order by number desc) as recency
        from {{ source('raw', 'gate_waivers') }}
        where counts_from is null or counts_from <= {{ as_of() }}
    ) as given
    where
        recency = 1
        and until > {{ as_of() }}
{%- endmacro %}
