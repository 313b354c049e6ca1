{#- What ticks loaded and how long that and their mail took: for `pipeline_latency` and `latency_histogram`. -#}

{%- macro ticks_decided() -%}
(

    -- A tick that was repeated counts as it ended.
    select
        as_of,
        max(case when phase = 'decided' then recorded_at end) as decided_at,
        max(last_load_id) as last_load_id
    from {{ source('journal', 'ticks') }}
    group by as_of

)
{%- endmacro -%}


{%- macro files_of_ticks() -%}
(

    select
        ticks.as_of,
        ticks.decided_at,
        files.load_id,
        files.loaded_at,
        files.rows,
        files.rejected,
        files.duplicates
    from (
        select
            as_of,
            decided_at,
            coalesce(lag(last_load_id) over (order by as_of), 0) as load_id_before,
            last_load_id
        from {{ ticks_decided() }} as ticks
    ) as ticks
    inner join {{ source('raw', 'loaded_files') }} as files
        on
            files.load_id > ticks.load_id_before
            and files.load_id <= ticks.last_load_id

)
{%- endmacro -%}


{%- macro latency_spans() -%}
(

    -- All measured by wall clocks; one that runs ahead of another's makes a span negative, and such a span says nothing.
    select
        as_of,
        stage,
        seconds
    from (
        {%- set of_events = {
            'occurred_to_received': ('events.occurred_at', 'events.received_at'),
            'received_to_loaded': ('coalesce(events.received_at, events.occurred_at)', 'files.loaded_at'),
            'loaded_to_due': ('files.loaded_at', 'files.decided_at'),
        } %}
        {%- for stage, (earlier, later) in of_events.items() %}
        select
            files.as_of,
            '{{ stage }}' as stage,
            {{ seconds_between(earlier, later) }} as seconds
        from {{ files_of_ticks() }} as files
        inner join {{ source('raw', 'events') }} as events
            on files.load_id = events._load

        union all
        {% endfor %}
        select
            ticks.as_of,
            'due_to_sent' as stage,
            {{ seconds_between('ticks.decided_at', 'sends.recorded_at') }} as seconds
        from {{ ticks_decided() }} as ticks
        inner join {{ source('raw', 'delivery_log') }} as sends
            on ticks.as_of = sends.as_of and sends.outcome = 'sent'
    ) as spans
    where seconds >= 0

)
{%- endmacro -%}
