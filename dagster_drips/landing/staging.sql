-- name: begin
-- The staging tables, empty. The copy has the types without the constraints.
create or replace temp table landing_staged as select * from raw.${kind} limit 0

-- name: begin_rejected
create or replace temp table landing_rejected as select * from raw.rejected_rows limit 0

-- name: take_back
delete from landing_staged
where _load = ?

-- name: take_back_rejected
delete from landing_rejected
where _load = ?

-- name: drop_column
alter table landing_staged drop column ${column}

-- name: settle_rejected
insert into raw.rejected_rows by name
select *
from landing_rejected
order by _load, line

-- name: taken
-- How many rows each file brought.
select
    _load,
    count(*) as rows
from raw.${kind}
where _load >= ?
group by _load

-- name: end
drop table if exists landing_staged

-- name: end_rejected
drop table if exists landing_rejected
