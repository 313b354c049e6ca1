with

ticks as (

    select * from {{ ticks_decided() }} as ticks

),

row_counts as (

    select
        as_of,
        cast(sum(rows) as bigint) as rows_loaded,
        cast(sum(rejected) as bigint) as rows_rejected,
        cast(sum(duplicates) as bigint) as rows_duplicated
    from {{ files_of_ticks() }} as files
    group by as_of

),

quantiles as (

    select
        as_of,
        stage,
        {{ rounded('percentile_cont(0.5) within group (order by seconds)', 3) }} as p50,
        {{ rounded('percentile_cont(0.95) within group (order by seconds)', 3) }} as p95,
        {{ rounded('max(seconds)', 3) }} as longest
    from {{ latency_spans() }} as spans
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
