-- What PostgreSQL lacks and statements for it use; beside schema.sql and schema_journal.sql, after them.

-- A text as a value of the type that `like_that` has; null where it isn't one.
create or replace function raw.fitting(value text, like_that anyelement) returns anyelement
language plpgsql immutable as $fitting$
begin
    execute format('select cast($1 as %s)', pg_typeof(like_that)) into like_that using value;
    return like_that;
exception when data_exception then
    return null;
end
$fitting$;
