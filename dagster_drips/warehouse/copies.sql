-- Rows of a server's tables, taken into a DuckDB file.

-- name: relations
-- Of these schemas, their names divided by spaces.
select
    table_schema as schema,
    table_name as name
from information_schema.tables
where table_schema in (select unnest(string_to_array(?::varchar, ' ')))
order by table_schema, table_name

-- name: take
-- A file of PostgreSQL's COPY: NULL is nothing at all, an empty text a pair of quotes.
insert into ${relation} (${names})
select ${values}
from read_csv(
    ${file},
    columns = {${texts}},
    auto_detect = false,
    header = false,
    delim = ',',
    quote = '"',
    escape = '"',
    nullstr = '',
    allow_quoted_nulls = false,
    parallel = false,
    max_line_size = ${longest},
    buffer_size = ${longest}
)
