insert into raw.tick values (timestamp '2026-03-02 12:00', null, timestamp '2026-03-02 12:00', timestamp '2026-03-02 12:00:01');
insert into journal.ticks values (timestamp '2026-03-02 12:00', 'decided', timestamp '2026-03-02 12:00:04', 1),
    (timestamp '2026-03-02 12:00', 'finished', timestamp '2026-03-02 12:00:09', 1);
insert into raw.sending_stops values ('the mail server mx:25', 'is down', 7);
create schema decide;
create table decide.live_sequences as select sequence_id, sequence_id as name, 'active' as status, 'valid' as file_state,
    'v' as version_id, null as opens_at, null as segment_without_result from (values ('welcome'), ('cart "x"')) as t (sequence_id);
create table decide.sequence_gates as select 'welcome' as sequence_id, 'bounce_rate' as gate, 'stop' as level, 'much' as reason,
    true as is_holding, cast(null as timestamp) as waived_until, null as waived_by, null as waived_because;
create schema after_sending;
create schema kept;
create table kept.current_message_states as select 'm1' as message_id, 'welcome' as sequence_id,
    'hello' as step_id, 'ada@acme.example' as recipient, timestamp '2026-03-02 12:00' as sent_as_of, 'lost' as detail,
    'in_doubt' as status;
create view after_sending.kept_message_states_after_sending as from kept.current_message_states;
create table after_sending.enrollments_after_sending as select 'welcome' as sequence_id, status
    from (values ('active'), ('active'), ('exited')) as t (status);
create schema if not exists marts;
create table marts.enrollments as select 'welcome' as sequence_id, moment as next_scheduled_at
    from (values (timestamp '2026-03-02 11:00'), (timestamp '2026-03-03 11:00'), (null)) as t (moment)
