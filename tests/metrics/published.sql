create schema marts;
create table marts.message_attempts as
    select * from (values ('welcome', 'sent'), ('welcome', 'sent'), ('welcome', 'deferred'), ('cart "x"', 'sent'))
        as t (sequence_id, outcome);
create table marts.pipeline_latency as
    select timestamp '2026-03-02 12:00' as as_of, 10 as rows_loaded, 2 as rows_rejected, 1 as rows_duplicated
    union all select timestamp '2026-03-01 12:00', 5, 0, 0;
create table marts.latency_histogram as
    select * from (values ('due_to_sent', 1, 1.0, 3, 1.5), ('due_to_sent', 2, 5.0, 0, 0.0), ('due_to_sent', 3, null, 1, 9.0))
        as t (stage, bucket, up_to_seconds, spans, seconds)
