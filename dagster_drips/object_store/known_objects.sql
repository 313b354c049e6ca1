-- What `data/object_store.sqlite` remembers of a bucket (SQLite). Of a family of keys listings begin behind `settled`.

-- name: create
create table if not exists objects (key text primary key, etag text not null, state text not null) without rowid;
create table if not exists folders (path text primary key, state text not null) without rowid;
create table if not exists marks (
    family text primary key, settled text not null, latest text not null, moved_at real not null
) without rowid;
create table if not exists facts (name text primary key, value text not null) without rowid;

-- name: etags
select key, etag from objects where key in (select value from json_each(?));

-- name: unknown
select listed.value from json_each(?) as listed
where not exists (select 1 from objects where objects.key = listed.value)
order by listed.key;

-- name: states_of
select key, state from objects where key in (select value from json_each(?));

-- name: states
select key, state from objects where key > ? and key < ?;

-- name: note
insert or replace into objects (key, etag, state) values (?, ?, ?);

-- name: forget
delete from objects where key = ?;

-- name: folder
select state from folders where path = ?;

-- name: note_folder
insert or replace into folders (path, state) values (?, ?);

-- name: marks
select family, settled, latest, moved_at from marks;

-- name: note_mark
insert or replace into marks (family, settled, latest, moved_at) values (?, ?, ?, ?);

-- name: fact
select value from facts where name = ?;

-- name: note_fact
insert or replace into facts (name, value) values (?, ?);

-- name: forget_objects
delete from objects;

-- name: forget_folders
delete from folders;

-- name: forget_marks
delete from marks;

-- name: forget_facts
delete from facts;
