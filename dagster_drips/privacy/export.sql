-- Which tables may hold rows of a person. Views are left out: they say what tables say.

-- name: columns
select
    columns.table_schema || '."' || columns.table_name || '"' as relation,
    columns.column_name
from information_schema.columns as columns
inner join information_schema.tables as tables
    on columns.table_schema = tables.table_schema and columns.table_name = tables.table_name
where
    tables.table_type = 'BASE TABLE'
    and columns.table_schema in ('raw', 'journal', 'staging', 'decide', 'after_sending', 'intermediate', 'marts')
    -- Segments are made anew at each tick, and the identities of senders are ours.
    and columns.table_name <> 'sender_identities'
order by columns.table_schema, columns.table_name, columns.ordinal_position
