-- What is decided once and kept for good, and what a tick remembers of the dbt project; beside schema.sql, after it.

-- Journal: decided once, kept for good ----------------------------------------------------------------------------------
create table if not exists journal.ticks (
    as_of timestamp not null,
    phase varchar not null,          -- decided, finished
    recorded_at timestamp not null,  -- wall clock
    last_load_id bigint not null     -- what was landed by then
);
-- Warehouses made when these tables had other names.
alter table if exists journal.verdicts rename to enrollment_decisions;
alter table if exists journal.closings rename to enrollment_closings;
alter table if exists journal.resolutions rename to skipped_steps;
-- What dbt made under other names, and would leave there: rows about people.
drop table if exists decide.verdicts;
drop table if exists decide.exits;
drop table if exists decide.exits_of_new;
drop table if exists decide.suppressions_now;
drop table if exists decide.segment_changes_now;
drop table if exists decide.step_states_now;
drop view if exists decide.closings_now;
drop view if exists decide.completions_now;
drop view if exists decide.skips_now;
drop view if exists decide.segment_results_now;
drop view if exists after_sending.engagement_facts_after_sending;
drop view if exists decide.engagement_facts;
drop view if exists decide.message_states;
create table if not exists journal.enrollment_decisions ( -- E3
    sequence_id varchar not null,
    lead_id varchar not null,
    occurrence_id varchar not null,
    occurred_at timestamp not null,
    decided_at timestamp not null,   -- as_of
    decision varchar not null,       -- enrolled, suppressed, too_old, outside_segments, already_enrolled, reentry
    enrollment_id varchar,
    arm varchar                      -- treatment, control (E8)
);
create table if not exists journal.enrollment_closings (  -- L1, M1
    enrollment_id varchar not null,
    closed_at timestamp not null,    -- as_of
    status varchar not null,         -- exited, completed
    exit_reason varchar
);
create table if not exists journal.skipped_steps (        -- M1; sends and failures for good are in raw.delivery_log
    enrollment_id varchar not null,
    step_id varchar not null,
    resolved_at timestamp not null,  -- as_of
    resolution varchar not null,     -- skipped
    reason varchar not null,         -- condition, expired, …
    detail varchar                   -- of declined ones the template's words (M10)
);
alter table journal.skipped_steps add column if not exists detail varchar;   -- warehouses made before it
create table if not exists journal.message_content (     -- M9: of several rows of a message the latest counts
    message_id varchar not null,
    enrollment_id varchar not null,
    step_id varchar not null,
    lead_id varchar not null,
    as_of timestamp not null,        -- the tick at which it was due and showed this
    recorded_at timestamp not null,  -- wall clock
    content varchar not null,        -- JSON: model -> its row, or its rows
    content_types varchar not null   -- JSON: model -> its columns' types
);
create table if not exists journal.segment_results (     -- E1, E5: which segments had a result at a tick
    segment varchar not null,
    as_of timestamp not null,
    members bigint not null,
    refreshed_at timestamp           -- the tick that asked the segment's model (E10)
);
alter table journal.segment_results add column if not exists refreshed_at timestamp;   -- warehouses made before it
create table if not exists journal.segment_changes (     -- who came and went since the result before
    segment varchar not null,
    lead_id varchar not null,
    as_of timestamp not null,
    change varchar not null,         -- entered, left
    is_entry boolean not null        -- false: the segment had no result at the tick before (E1)
);
create table if not exists journal.sequence_versions (   -- S3
    sequence_id varchar not null,
    version_id varchar not null,
    seen_at timestamp not null,      -- as_of of the tick that first saw it in this state
    status varchar not null,
    file_state varchar not null,     -- valid, deleted
    definition varchar not null,     -- JSON: the sequence as read, defaults filled in
    files varchar not null,          -- JSON object: template name -> text
    attached_files varchar,          -- JSON object: name of an attachment or image -> sha256, size, content_type; NULL: none
    version_number bigint            -- 1, 2, 3, … of this sequence as they were recorded: tells apart what one tick saw; NULL: made before it
);
-- Warehouses made before them.
alter table journal.sequence_versions add column if not exists attached_files varchar;
alter table journal.sequence_versions add column if not exists version_number bigint;

create table if not exists journal.failed_tests (        -- G1: raw.failed_tests of each tick
    as_of timestamp not null,
    test varchar not null,
    segment varchar,
    reason varchar not null
);
create table if not exists journal.sequence_gates (      -- G1: what each tick found
    as_of timestamp not null,
    sequence_id varchar not null,
    gate varchar not null,           -- a data test's name, or the key of a gate in project.yml or sequence.yml
    kind varchar not null,           -- test, or the key
    level varchar not null,          -- stop, warn
    reason varchar not null,
    is_holding boolean not null      -- false: only a warning, or waived
);

create table if not exists journal.waiting_steps (       -- what the last tick of a day left waiting, or due
    as_of timestamp not null,        -- that tick; the first one of a later day keeps it
    sequence_id varchar not null,
    step_id varchar not null,
    state varchar not null,          -- waiting, due
    reason varchar,
    steps bigint not null            -- of so many enrollments
);
-- The same, until that one's decisions are committed.
create table if not exists raw.left_waiting (
    as_of timestamp not null,
    sequence_id varchar not null,
    step_id varchar not null,
    state varchar not null,
    reason varchar,
    steps bigint not null
);

-- Enrollments that the tick completes, asked once: for their number, the journal and the table.
create table if not exists raw.completions (
    enrollment_id varchar not null,
    closed_at timestamp not null,
    status varchar not null,
    exit_reason varchar
);
-- What the views were made from: they are made anew when it changes.
create table if not exists raw.prepared_models (
    fingerprint varchar not null
);
-- Up to where the tables of schema `kept` know what landed and what was decided: the last tick whose decisions were committed.
-- Empty: they are to be made anew.
create table if not exists raw.watermark (
    as_of timestamp not null,
    load_id bigint not null,         -- the last file that had been loaded
    made_of varchar not null,        -- what else their rows depend on: models, columns of leads, settings
    tables varchar not null          -- which there are
);
-- What the decide models read when they ran last: it becomes the watermark when that is committed. What is loaded in
-- between is read by the next tick.
create table if not exists raw.next_watermark (
    load_id bigint not null,
    made_of varchar not null
);
-- Sequences as that tick decided by them: a sequence whose mark differs is looked at anew, as a whole.
create table if not exists raw.watermark_sequences (
    sequence_id varchar not null,
    mark varchar not null
);
-- Messages of earlier ticks of which the delivery log has learned something since the watermark.
create table if not exists raw.late_deliveries (
    message_id varchar not null,
    is_read boolean not null         -- by the decide models, which are not committed yet
);
-- Up to where the marts that are brought up to date know what landed and what was sent: the last tick they were built at.
-- Empty: they are to be made anew.
create table if not exists raw.marts_watermark (
    as_of timestamp not null,
    load_id bigint not null,         -- the last file that had been loaded
    made_of varchar not null         -- what else their rows depend on, in words: the dbt project, settings
);
-- Messages of ticks before that one of which the delivery log has learned something since.
create table if not exists raw.unmeasured_deliveries (
    message_id varchar not null
);
-- The dbt project as the last tick decided by it, so that a plan can tell what working files would change: written where the
-- fingerprint is.
create table if not exists raw.prepared_files (
    path varchar not null,           -- below dbt_project/: models/segments/vips.sql
    content varchar not null
);
-- Which segments each data test speaks of, by dbt's lineage (G1): made where one has failed, until the dbt project changes.
create table if not exists raw.gate_lineage (
    fingerprint varchar not null,    -- of the dbt project
    unique_id varchar not null,      -- dbt's, of the test
    test varchar not null,
    subjects varchar not null,       -- what it is about
    segment varchar                  -- null: deciding itself reads that
);
