-- A tick asks this before it runs the segments: what isn't due stays as it is, a table (E10).
with

named as (

    {% for segment, seconds in segment_refreshes() -%}
    select
        '{{ segment }}' as segment,
        {{ seconds }} as refresh_seconds
    {% if not loop.last %}union all{% endif %}
    {% else -%}
    select
        {{ no_text() }} as segment,
        cast(null as integer) as refresh_seconds
    where false
    {% endfor %}

),

asked as (

    select
        named.segment,
        named.refresh_seconds,
        max(results.refreshed_at) as refreshed_at
    from named
    left join {{ source('earlier', 'segment_results') }} as results
        on named.segment = results.segment
    group by named.segment, named.refresh_seconds

)

select
    segment,
    refresh_seconds,
    refreshed_at,
    {{ add_seconds('refreshed_at', 'refresh_seconds') }} as next_refresh_at,
    -- Without a watermark everything is made anew, what segments have kept too.
    coalesce({{ as_of() }} >= {{ add_seconds('refreshed_at', 'refresh_seconds') }}, true)
    or (select count(*) from {{ source('raw', 'watermark') }}) = 0 as is_due
from asked
