-- Which files of the delivery journal raw.delivery_log already holds.

-- name: create
-- A file is ingested once, when its run has ended.
create table if not exists journal.folded_deliveries (
    file varchar not null,           -- name below data/journal/deliveries
    bytes bigint not null,           -- its size, which is final; 0: not all of it is in yet
    rows bigint not null             -- outcomes that came of it, the file's first so many
)

-- name: known
select file, bytes, rows from journal.folded_deliveries

-- name: whole
select file from journal.folded_deliveries where bytes > 0

-- name: forget
delete from journal.folded_deliveries where file = ?

-- name: note
insert into journal.folded_deliveries (file, bytes, rows) values (?, ?, ?)
