-- What the port asks PostgreSQL of itself.

-- name: database
-- Texts must compare by code point (capitals before small letters, none of another language in between), and hold every
-- character.
select
    'B' < 'a' and '-b' < 'a' and 'z' < 'ä' as is_by_code_point,
    pg_encoding_to_char(encoding) as encoding_name
from pg_database
where datname = current_database()

-- name: taken_schemas
-- What somebody else keeps in schemas of our names: a rebuild would take it away with its own.
select string_agg(distinct namespaces.nspname, ', ' order by namespaces.nspname) as names
from pg_namespace as namespaces
inner join pg_class as relations
    on namespaces.oid = relations.relnamespace
where
    namespaces.nspname in ('raw', 'journal', 'staging', 'kept', 'decide', 'after_sending', 'segments', 'intermediate', 'marts')
    and not exists (
        select 1
        from information_schema.tables
        where table_schema in ('journal', 'journal_before') and table_name = 'ticks'
    )

-- name: session
set timezone = 'UTC';
set client_min_messages = warning;
set extra_float_digits = 1;

-- name: session_read_only
set session characteristics as transaction read only

-- name: take_lock
-- One run at a time writes; it is the session's, and ends with it.
select pg_try_advisory_lock(hashtextextended('dagster_drips', 0))

-- name: give_lock_back
select pg_advisory_unlock(hashtextextended('dagster_drips', 0))

-- name: snapshot
-- It is taken by the first query, not by the transaction's beginning.
begin isolation level repeatable read read only;
select 1;

-- name: tell_changes
-- This session's own changes are counted at once, not a second later.
select pg_stat_force_next_flush()

-- name: changed
select concat(quote_ident(namespaces.nspname), '.', quote_ident(relations.relname)) as relation
from pg_class as relations
inner join pg_namespace as namespaces
    on relations.relnamespace = namespaces.oid
where
    relations.relkind = 'r'
    and namespaces.nspname in ('raw', 'journal', 'staging', 'kept', 'decide', 'segments', 'intermediate', 'marts')
    and (
        relations.reltuples < 0
        or pg_stat_get_mod_since_analyze(relations.oid) > 50 + 0.1 * relations.reltuples
    )

-- name: is_much
-- Whether so many new rows are a good part of a table.
select ? > 50 + 0.1 * reltuples from pg_class where oid = to_regclass(?)

-- name: columns
select
    attname as name,
    format_type(atttypid, atttypmod) as formatted
from pg_attribute
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
order by attnum

-- name: remakes
-- Views keep a column from getting another type; a tick makes them anew.
drop schema if exists staging cascade
