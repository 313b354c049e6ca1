-- name: marts
-- Whatever is copied: tables, and views that read what is not published.
select table_name
from information_schema.tables
where
    table_schema = 'marts'
    and table_name not in (
        select view_name
        from duckdb_views()
        where
            database_name = current_database()
            and schema_name = 'marts'
            and not contains(sql, current_database() || '.')
            and not contains(sql, current_database() || '".')
    )
order by table_name

-- name: views
-- Views that name no database read marts, and do so wherever these are.
select
    view_name,
    sql
from duckdb_views()
where
    database_name = current_database()
    and schema_name = 'marts'
    and not contains(sql, current_database() || '.')
    and not contains(sql, current_database() || '".')
order by view_name

-- name: beside
-- What these views read beside marts, where it is there: settings, live sequences, gates, results of segments, sentences, clocks.
select
    table_schema,
    table_name
from information_schema.tables
where
    (table_schema = 'decide' and table_name = 'live_sequences')
    or (table_schema = 'journal' and table_name in ('sequence_gates', 'segment_results'))
    or (table_schema = 'staging' and table_name = 'explanation_words')
    or (
        table_schema = 'raw'
        and table_name in (
            'tick', 'time_zones', 'clock_changes', 'project_settings', 'sequence_steps', 'step_conditions', 'sequence_segments',
            'sequence_predicates'
        )
    )
order by table_schema, table_name

-- name: place
select
    current_database() as database_name,
    current_schema() as schema_name

-- name: as_of
select max(as_of) from journal.ticks

-- name: threads
select current_setting('threads')
