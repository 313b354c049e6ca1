-- name: set_file_search_path
set file_search_path = ?

-- name: set_file_search_path for postgres
-- The server reads no files of ours.
select ?

-- name: has_new_rows
select exists (select 1 from new_rows)

-- name: views
-- As dbt writes the names of relations.
select concat('"', database_name, '"."', schema_name, '"."', view_name, '"') as relation
from duckdb_views()
where not internal

-- name: views for postgres
select concat('"', current_database(), '"."', schemaname, '"."', viewname, '"') as relation
from pg_views

-- name: tables
select concat('"', database_name, '"."', schema_name, '"."', table_name, '"') as relation
from duckdb_tables()
where not internal

-- name: tables for postgres
select concat('"', current_database(), '"."', schemaname, '"."', tablename, '"') as relation
from pg_tables
