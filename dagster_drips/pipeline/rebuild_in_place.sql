-- What was there before a rebuild stands beside what it makes, under another name, until that is whole.

-- name: there
-- Our schemas, and those put aside; the dbt project's own are dbt's matter.
select schema_name
from information_schema.schemata
where
    schema_name in (
        'raw', 'journal', 'staging', 'kept', 'decide', 'after_sending', 'segments', 'intermediate', 'marts',
        'raw_before', 'journal_before', 'staging_before', 'kept_before', 'decide_before', 'after_sending_before',
        'segments_before', 'intermediate_before', 'marts_before'
    )
order by schema_name

-- name: drop
drop schema if exists ${schema} cascade

-- name: rename
alter schema ${schema} rename to ${name}

-- name: is_rebuilding
select exists (select 1 from information_schema.schemata where schema_name = 'raw_before')
