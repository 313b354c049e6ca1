-- name: is_over
-- Whether the tick that the clock shows was the last of its day, and what it knew is at hand: its decisions were committed, and
-- no tick that died since has begun to make the kept tables anew.
select
    exists (
        select 1
        from raw.tick as tick
        inner join raw.watermark as watermark
            on tick.as_of = watermark.as_of
        where cast(tick.as_of as date) < cast(?::timestamp as date)
    )
    and exists (
        select 1
        from information_schema.tables
        where table_schema = 'after_sending' and table_name = 'pending_steps'
    )

-- name: forget
delete from raw.left_waiting

-- name: note
insert into raw.left_waiting by name
select
    (select as_of from raw.tick) as as_of,
    sequence_id,
    step_id,
    state,
    reason,
    count(*) as steps
from after_sending.pending_steps
where state in ('waiting', 'due')
group by sequence_id, step_id, state, reason
