-- name: fingerprint
-- What a table holds, whatever the order of its rows: two tables of one content are told alike. A sum, as rows that are
-- there twice would cancel each other in `bit_xor`.
select
    count(*) as row_count,
    cast(sum(hash(${columns})) as varchar) as content
from ${relation}

-- name: changed_rows
-- Rows that are on one side alone, or more often on one. By key and row: with hashes of rows alone, one in
-- 18,446,744,073,709,551,616 pairs of any two rows would be taken for one row; so it is pairs of one key.
create or replace temp table changed_rows as
select row_hash
from (
    select hash(${key}) as key_hash, hash(${columns}) as row_hash, 1 as side
    from ${relation}
    union all
    select hash(${key}) as key_hash, hash(${columns}) as row_hash, -1 as side
    from published.${relation}
)
group by key_hash, row_hash
having sum(side) <> 0

-- name: changed_count
select count(*) from temp.changed_rows

-- name: take_away
delete from published.${relation}
where hash(${columns}) in (select row_hash from temp.changed_rows)

-- name: add
insert into published.${relation}
select * from ${relation}
where hash(${columns}) in (select row_hash from temp.changed_rows)

-- name: drop_changed_rows
drop table if exists temp.changed_rows

-- name: published_tables
select
    schema_name,
    table_name
from duckdb_tables()
where database_name = 'published'

-- name: published_views
select
    schema_name,
    view_name
from duckdb_views()
where database_name = 'published' and not internal

-- name: engine
select version()
