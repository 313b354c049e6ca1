-- A published set made larger: `copies` of every person with all that is of them, each some weeks earlier than the one before, over half
-- a year. What is aggregated keeps its grain.

-- name: attach
attach ${source} as published (read_only)

-- name: tables
select
    table_schema,
    table_name,
    exists (
        select 1
        from information_schema.columns as columns
        where
            columns.table_catalog = tables.table_catalog
            and columns.table_schema = tables.table_schema
            and columns.table_name = tables.table_name
            and columns.column_name = 'lead_id'
    ) or table_name in ('consent', 'deliverability', 'deliverability_events') as is_multiplied
from information_schema.tables as tables
where table_catalog = 'published' and table_type = 'BASE TABLE'
order by table_schema, table_name

-- name: keys
select column_name
from information_schema.columns
where
    table_catalog = 'published'
    and table_schema = ?
    and table_name = ?
    and column_name in (
        'lead_id', 'message_id', 'enrollment_id', 'event_id', 'engagement_id', 'occurrence_id', 'source_id', 'email', 'address',
        'recipient', 'last_enrollment_id', 'conversion_event_id', 'order_id'
    )

-- name: times
select column_name
from information_schema.columns
where table_catalog = 'published' and table_schema = ? and table_name = ? and data_type = 'TIMESTAMP'

-- name: schema
create schema if not exists ${schema}

-- name: multiplied
create table ${table} as
select * replace (${keys})
from published.${table}
cross join range(${copies}) as copies (copy)

-- name: domains
-- A tenth of the copies has domains of its own: a company's people share theirs.
create table ${table} as
select * replace (copy || '.' || recipient_domain as recipient_domain)
from published.${table}
cross join range(greatest(1, ${copies} // 10)) as copies (copy)

-- name: copied
create table ${table} as
select * from published.${table}

-- name: views
select sql
from duckdb_views()
where database_name = 'published' and not internal
order by view_name

-- name: counts
select
    (select count(*) from marts.messages) as messages,
    (select count(*) from marts.lead_profiles) as leads,
    (select count(*) from marts.events) as events,
    (select count(*) from marts.step_decisions) as step_decisions
