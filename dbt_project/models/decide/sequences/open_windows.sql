-- Per sequence and time zone, whether the send window is open at this tick by the local wall clock (M5).
with

local_clocks as (

    select
        sequences.sequence_id,
        zones.timezone,
        {{ add_seconds(as_of(), 'zones.utc_offset_seconds') }} as local_time,
        sequences.window_days,
        sequences.window_start_minute,
        sequences.window_end_minute
    from {{ source('raw', 'sequences') }} as sequences
    inner join {{ source('raw', 'time_zones') }} as zones
        on sequences.window_timezone = 'lead' or sequences.window_timezone = zones.timezone

),

read_off as (

    select
        *,
        -- ISO weekday: 1 is Monday; yesterday's matters when a window crosses midnight
        substr(window_days, cast(extract(isodow from local_time) as integer), 1) = '1' as opens_today,
        substr(window_days, cast((extract(isodow from local_time) + 5) % 7 + 1 as integer), 1) = '1' as opened_yesterday,
        extract(hour from local_time) * 60 + extract(minute from local_time) as minute_of_day
    from local_clocks

)

select
    sequence_id,
    timezone
from read_off
where
    (
        window_end_minute > window_start_minute
        and opens_today
        and minute_of_day >= window_start_minute
        and minute_of_day < window_end_minute
    )
    -- A window whose end is not after its start belongs to the day it started.
    or (
        window_end_minute <= window_start_minute
        and (
            (opens_today and minute_of_day >= window_start_minute)
            or (opened_yesterday and minute_of_day < window_end_minute)
        )
    )
