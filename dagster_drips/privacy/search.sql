-- What a DuckDB file holds. Views are left out: they say what tables say.

-- name: tables
select
    database_name,
    schema_name,
    table_name
from duckdb_tables()
where not internal
order by database_name, schema_name, table_name
