-- What is known of intake's rows, from where they were compared back into a server's warehouse.

-- name: rows_before
create or replace temp table rows_before as
select * from raw.intake_rows

-- name: files_before
create or replace temp table files_before as
select * from raw.intake_files

-- name: drop_leads
drop table if exists raw.leads

-- name: changed_rows
-- Rows as they are now; those that are no more have no place.
select
    coalesce(after.kind, before.kind) as kind,
    cast(coalesce(after.key, before.key) as varchar) as key,
    cast(after.digest as varchar) as digest,
    after.key is not null as is_known
from raw.intake_rows as after
full outer join rows_before as before
    on after.kind = before.kind and after.key = before.key
where
    after.key is null
    or before.key is null
    or after.digest is distinct from before.digest

-- name: new_files
select path from raw.intake_files
except
select path from files_before

-- name: begin
create or replace temp table intake_changed (
    kind varchar,
    key uuid,
    digest uuid,
    is_known boolean
)

-- name: forget
delete from raw.intake_rows as known
using intake_changed as changed
where known.kind = changed.kind and known.key = changed.key

-- name: keep
insert into raw.intake_rows
select kind, key, digest
from intake_changed
where is_known

-- name: end
drop table if exists intake_changed
