{#- The ticks at which a sequence ran: those of `ticks` (`sequence_id`, `nth`, `as_of`) at which every segment that this version names
    (`needed_segments`: `sequence_id`, `nth`, `segment`) had a result (`results`: `segment`, `as_of`) (E5). -#}
{% macro run_ticks_of(ticks, needed_segments, results) -%}
    select
        ticks.sequence_id,
        ticks.nth,
        ticks.as_of
    from {{ ticks }} as ticks
    inner join {{ needed_segments }} as needed
        on ticks.sequence_id = needed.sequence_id and ticks.nth = needed.nth
    left join {{ results }} as results
        on needed.segment = results.segment and ticks.as_of = results.as_of
    group by
        ticks.sequence_id,
        ticks.nth,
        ticks.as_of
    having count(*) = count(results.segment)
{%- endmacro %}
