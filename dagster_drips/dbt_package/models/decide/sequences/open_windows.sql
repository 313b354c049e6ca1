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

)

select
    sequence_id,
    timezone
from local_clocks
where {{ window_is_open('local_clocks') }}
