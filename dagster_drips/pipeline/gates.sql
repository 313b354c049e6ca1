-- What a tick knows of gates before it decides (G1): results of data tests, waivers; and what it found.

-- name: lineage
select unique_id, test, subjects, segment from raw.gate_lineage where fingerprint = ? order by unique_id, segment

-- name: forget_lineage
delete from raw.gate_lineage

-- name: failed_tests
select test, segment, reason from raw.failed_tests order by test, segment, reason

-- name: forget_failed_tests
delete from raw.failed_tests

-- name: known_failed_tests
-- Of a tick that has decided.
select test, segment, reason from journal.failed_tests where as_of = (select as_of from raw.tick) order by test, segment, reason

-- name: decided_at
-- Wall clock of the commit of the tick that has begun; none where it has not decided yet.
select max(recorded_at) from journal.ticks where as_of = (select as_of from raw.tick) and phase = 'decided'

-- name: waivers
select number, gate, sequence_id, until, why, given_by, given_at, counts_from from raw.gate_waivers order by number

-- name: forget_waivers
delete from raw.gate_waivers

-- name: holding
select sequence_id, gate, reason from decide.sequence_gates where is_holding order by sequence_id, gate
