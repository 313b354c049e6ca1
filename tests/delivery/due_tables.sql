-- What dbt makes, as plain tables: the due steps, those refused and ended meanwhile, and the leads.
create schema if not exists decide;
create schema if not exists staging;
create or replace table decide.due_steps (
    message_id varchar, enrollment_id varchar, sequence_id varchar, version_id varchar, step_id varchar, variant_id varchar,
    lead_id varchar, sender_email varchar, sender_name varchar, sender_reply_to varchar, recipient varchar, address varchar,
    scheduled_at timestamp, as_of timestamp, attempt integer, transactional boolean, triggered_at timestamp,
    occurrence_id varchar, trigger_kind varchar, send_rank bigint
);
create or replace table decide.refused_steps (message_id varchar);
create or replace table decide.exited_steps (message_id varchar);
create or replace table staging.stg_leads (
    lead_id varchar, email varchar, first_name varchar, company varchar, plan varchar, created_at timestamp
);
