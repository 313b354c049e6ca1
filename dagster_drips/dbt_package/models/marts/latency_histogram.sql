with

{#- From a second to a week. -#}
{%- set bounds = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 604800] %}

stages as (
{% for stage in ['occurred_to_received', 'received_to_loaded', 'loaded_to_due', 'due_to_sent'] %}
    select '{{ stage }}' as stage
    {%- if not loop.last %}
    union all
    {%- endif %}
{%- endfor %}

),

-- All of them for every stage, whether anything is in them or not: who adds them up over time misses none.
buckets as (
{% for over in [0] + bounds %}
    select
        {{ loop.index }} as bucket,
        cast({{ over }} as {{ double_type() }}) as over_seconds,
        cast({{ 'null' if loop.last else bounds[loop.index0] }} as {{ double_type() }}) as up_to_seconds
    {%- if not loop.last %}
    union all
    {%- endif %}
{%- endfor %}

),

spans as (

    select
        stage,
        seconds,
        case
            {%- for up_to in bounds %}
            when seconds <= {{ up_to }} then {{ loop.index }}
            {%- endfor %}
            else {{ bounds | length + 1 }}
        end as bucket
    from {{ latency_spans() }} as spans

),

spans_in_buckets as (

    select
        stage,
        bucket,
        count(*) as spans,
        sum(seconds) as seconds
    from spans
    group by stage, bucket

)

select
    stages.stage,
    buckets.bucket,
    buckets.over_seconds,
    buckets.up_to_seconds,
    coalesce(found.spans, 0) as spans,
    coalesce({{ rounded('found.seconds', 3) }}, 0) as seconds
from stages
cross join buckets
left join spans_in_buckets as found
    on stages.stage = found.stage and buckets.bucket = found.bucket
