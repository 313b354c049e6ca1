-- What asking exits again reads (L1), as a tick left it: a goal that nobody due has reached.
create table staging.stg_identities (anonymous_id varchar, lead_id varchar);
create table staging.machine_user_agents (pattern varchar);
create table decide.live_sequences as
select 'weekly' as sequence_id, true as exits_on_goal, true as exits_on_reply;
create table decide.goal_spells as
select
    'weekly' as sequence_id, 'bought' as goal_id, 'purchase' as goal_event, '{}' as goal, cast(null as bigint) as goal_within_seconds,
    timestamp '2026-01-01' as seen_at, cast(null as timestamp) as until;
insert into raw.project_settings by name select 'UTC' as timezone, ['default'] as servers;
insert into raw.tick by name
select max(as_of) as as_of, max(as_of) as sending_at, max(as_of) as started_at from decide.due_steps;
insert into journal.ticks by name
select as_of, 'decided' as phase, as_of as recorded_at, 0 as last_load_id from raw.tick;
insert into journal.enrollment_decisions by name
select
    sequence_id, lead_id, enrollment_id as occurrence_id, as_of as occurred_at, as_of as decided_at, 'enrolled' as decision, enrollment_id,
    'treatment' as arm
from decide.due_steps;
drop table decide.exited_steps
