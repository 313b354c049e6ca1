with

-- A tick that was repeated counts as it ended.
ticks as (

    select
        as_of,
        max(case when phase = 'decided' then recorded_at end) as decided_at,
        max(last_load_id) as last_load_id
    from {{ source('journal', 'ticks') }}
    group by as_of

),

tick_loads as (

    select
        as_of,
        decided_at,
        coalesce(lag(last_load_id) over (order by as_of), 0) as load_id_before,
        last_load_id
    from ticks

),

tick_files as (

    select
        ticks.as_of,
        ticks.decided_at,
        files.load_id,
        files.loaded_at,
        files.rows,
        files.rejected,
        files.duplicates
    from tick_loads as ticks
    inner join {{ source('raw', 'loaded_files') }} as files
        on
            files.load_id > ticks.load_id_before
            and files.load_id <= ticks.last_load_id

),

row_counts as (

    select
        as_of,
        cast(sum(rows) as bigint) as rows_loaded,
        cast(sum(rejected) as bigint) as rows_rejected,
        cast(sum(duplicates) as bigint) as rows_duplicated
    from tick_files
    group by as_of

),

-- All measured by wall clocks; one that runs ahead of another's makes a span negative, and such a span says nothing.
spans as (

    select
        files.as_of,
        'occurred_to_received' as stage,
        extract(epoch from (events.received_at - events.occurred_at)) as seconds
    from tick_files as files
    inner join {{ source('raw', 'events') }} as events
        on files.load_id = events._load

    union all

    select
        files.as_of,
        'received_to_loaded' as stage,
        extract(epoch from (files.loaded_at - coalesce(events.received_at, events.occurred_at))) as seconds
    from tick_files as files
    inner join {{ source('raw', 'events') }} as events
        on files.load_id = events._load

    union all

    select
        files.as_of,
        'loaded_to_due' as stage,
        extract(epoch from (files.decided_at - files.loaded_at)) as seconds
    from tick_files as files
    inner join {{ source('raw', 'events') }} as events
        on files.load_id = events._load

    union all

    select
        ticks.as_of,
        'due_to_sent' as stage,
        extract(epoch from (sends.recorded_at - ticks.decided_at)) as seconds
    from ticks
    inner join {{ source('raw', 'delivery_log') }} as sends
        on ticks.as_of = sends.as_of and sends.outcome = 'sent'

),

quantiles as (

    select
        as_of,
        stage,
        round(percentile_cont(0.5) within group (order by seconds), 3) as p50,
        round(percentile_cont(0.95) within group (order by seconds), 3) as p95,
        round(max(seconds), 3) as longest
    from spans
    where seconds >= 0
    group by as_of, stage

),

stages as (

    select
        as_of
        {%- for stage in ['occurred_to_received', 'received_to_loaded', 'loaded_to_due', 'due_to_sent'] %},
        max(case when stage = '{{ stage }}' then p50 end) as {{ stage }}_p50,
        max(case when stage = '{{ stage }}' then p95 end) as {{ stage }}_p95,
        max(case when stage = '{{ stage }}' then longest end) as {{ stage }}_max
        {%- endfor %}
    from quantiles
    group by as_of

)

select
    ticks.as_of
    {%- for stage in ['occurred_to_received', 'received_to_loaded', 'loaded_to_due', 'due_to_sent'] %},
    stages.{{ stage }}_p50,
    stages.{{ stage }}_p95,
    stages.{{ stage }}_max
    {%- endfor %},
    coalesce(row_counts.rows_loaded, 0) as rows_loaded,
    coalesce(row_counts.rows_rejected, 0) as rows_rejected,
    coalesce(row_counts.rows_duplicated, 0) as rows_duplicated
from ticks
left join stages
    on ticks.as_of = stages.as_of
left join row_counts
    on ticks.as_of = row_counts.as_of
