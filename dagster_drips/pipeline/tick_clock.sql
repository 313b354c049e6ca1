-- name: tick
select
    as_of,
    started_at
from raw.tick

-- name: forget_tick
delete from raw.tick

-- name: begin_tick
insert into raw.tick values (?, ?, ?, ?)

-- name: offsets
select
    timezone,
    utc_offset_seconds
from raw.time_zones

-- name: forget_offsets
delete from raw.time_zones

-- name: sending_at
update raw.tick set sending_at = ?

-- name: previous_tick
select max(as_of)
from journal.ticks
where phase = 'finished' and as_of < ?

-- name: last_decided
select max(as_of)
from journal.ticks
where phase = 'decided'

-- name: known_changes
select min(since) as since, min(made_until) as made_until
from raw.clock_changes
where tzdata = ?

-- name: forget_changes
delete from raw.clock_changes
