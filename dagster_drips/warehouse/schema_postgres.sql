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

-- A tick looks at what is new, and for single rows in tables of millions: DuckDB reads blocks that can match alone.
create index if not exists leads_by_lead on raw.leads (lead_id);
create index if not exists events_by_id on raw.events (event_id);
create index if not exists events_by_load on raw.events using brin (_load);
create index if not exists events_by_time on raw.events (occurred_at);
create index if not exists events_by_arrival on raw.events (received_at) where received_at is not null;
create index if not exists events_by_name on raw.events (event, occurred_at);
create index if not exists engagement_by_message on raw.engagement (message_id);
create index if not exists delivery_log_by_message on raw.delivery_log (message_id);
create index if not exists delivery_log_by_tick on raw.delivery_log (as_of);
create index if not exists enrollment_decisions_by_enrollment on journal.enrollment_decisions (enrollment_id);
create index if not exists enrollment_decisions_by_lead on journal.enrollment_decisions (lead_id);
create index if not exists enrollment_decisions_by_tick on journal.enrollment_decisions (decided_at);
create index if not exists enrollment_closings_by_enrollment on journal.enrollment_closings (enrollment_id);
create index if not exists enrollment_closings_by_tick on journal.enrollment_closings (closed_at);
create index if not exists skipped_steps_by_enrollment on journal.skipped_steps (enrollment_id);
create index if not exists skipped_steps_by_tick on journal.skipped_steps (resolved_at);
create index if not exists segment_changes_by_tick on journal.segment_changes (as_of);
