-- name: prepared
-- Of which models and macros the views were made.
select fingerprint from raw.prepared_models

-- name: prepared_files
-- The dbt project that the last tick decided by; a warehouse that was made before they were kept has none.
select
    path,
    content
from raw.prepared_files
order by path

-- name: number_of_prepared_files
select count(*) from raw.prepared_files

-- name: forget_prepared_files
delete from raw.prepared_files

-- name: forget_prepared
delete from raw.prepared_models

-- name: note_prepared
insert into raw.prepared_models values (?)

-- name: without_result
-- What a sequence had to do without at this tick (E5).
select distinct segment_without_result as segment
from decide.live_sequences
where segment_without_result is not null
order by segment

-- name: paused_sequences
select
    sequence_id,
    segment_without_result
from decide.live_sequences
where segment_without_result is not null
order by sequence_id

-- name: failures
select
    file,
    reason
from raw.segment_failures
order by file

-- name: number_of_failures
select count(*) from raw.segment_failures

-- name: forget_failures
delete from raw.segment_failures
