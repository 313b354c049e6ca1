{#- Send windows (M5): read off by who decides at a tick, and by who tells when one opens next. -#}

{#- The zone whose clocks a window goes by: its own, or with `lead` the lead's, which is NULL where that is no zone's name, and else the project's. -#}
{% macro window_zone_of(window_timezone, lead_timezone, project_timezone) -%}
    case
        when {{ window_timezone }} <> 'lead' then {{ window_timezone }}
        else coalesce({{ lead_timezone }}, {{ project_timezone }})
    end
{%- endmacro %}

{#- Whether the window of this relation is open at its `local_time`, what a clock on the wall shows (M5). -#}
{% macro window_is_open(clock) -%}
    {#- ISO weekday: 1 is Monday; yesterday's matters when a window crosses midnight. -#}
    {%- set minute = 'extract(hour from ' ~ clock ~ '.local_time) * 60 + extract(minute from ' ~ clock ~ '.local_time)' -%}
    {%- set weekday = iso_weekday(clock ~ '.local_time') -%}
    {%- set opens_today = 'substr(' ~ clock ~ '.window_days, cast(' ~ weekday ~ " as integer), 1) = '1'" -%}
    {%- set opened_yesterday = (
        'substr(' ~ clock ~ '.window_days, cast((' ~ weekday ~ " + 5) % 7 + 1 as integer), 1) = '1'"
    ) %}
    (
        (
            {{ clock }}.window_end_minute > {{ clock }}.window_start_minute
            and {{ opens_today }}
            and {{ minute }} >= {{ clock }}.window_start_minute
            and {{ minute }} < {{ clock }}.window_end_minute
        )
        -- A window whose end is not after its start belongs to the day it started.
        or (
            {{ clock }}.window_end_minute <= {{ clock }}.window_start_minute
            and (
                ({{ opens_today }} and {{ minute }} >= {{ clock }}.window_start_minute)
                or ({{ opened_yesterday }} and {{ minute }} < {{ clock }}.window_end_minute)
            )
        )
    )
{%- endmacro %}

{#- The first instant from another on at which the window of a relation's row is open (M5), as a scalar; NULL where it stays shut for two weeks, or
    there is none to begin with. The relation has `timezone` and the window's columns; `clocks` is like `raw.clock_changes`. -#}
{% macro first_opening_of(window, from_at, clocks) -%}
    {{ return(adapter.dispatch('first_opening_of', 'drips')(window, from_at, clocks)) }}
{%- endmacro %}

{% macro default__first_opening_of(window, from_at, clocks) -%}
    -- A window opens at its start, or where a clock jumps over it: asked at each of them, by the offset that holds then.
    (
        select min(instant)
        from (
            select
                *,
                {{ add_seconds('instant', 'utc_offset_seconds') }} as local_time
            from (
                select
                    {{ window }}.window_days,
                    {{ window }}.window_start_minute,
                    {{ window }}.window_end_minute,
                    clocks.utc_offset_seconds,
                    clocks.since,
                    clocks.until,
                    case
                        when days.day < 0 then greatest({{ from_at }}, clocks.since)
                        else {{ add_seconds(
                            'cast(cast(' ~ add_seconds('greatest(' ~ from_at ~ ', clocks.since)', 'clocks.utc_offset_seconds') ~ ' as date) as timestamp)',
                            'days.day * 86400 + ' ~ window ~ '.window_start_minute * 60 - clocks.utc_offset_seconds'
                        ) }}
                    end as instant
                from {{ clocks }} as clocks
                inner join (select {{ whole_numbers('-1', '15') }} as day) as days on true
                where
                    clocks.timezone = {{ window }}.timezone
                    and clocks.until > {{ from_at }}
                    and clocks.since < {{ add_seconds(from_at, 16 * 86400) }}
            ) as candidates
            where
                instant >= {{ from_at }}
                and instant >= since
                and instant < until
        ) as clocked
        where {{ window_is_open('clocked') }}
    )
{%- endmacro %}
