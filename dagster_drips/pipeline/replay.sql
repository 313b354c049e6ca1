-- name: sends
select
    as_of,
    message_id,
    enrollment_id,
    sequence_id,
    step_id,
    variant_id,
    lead_id,
    recipient
from raw.delivery_log
where outcome = 'sent' and as_of between ? and ?
order by as_of, message_id

-- name: go_back_ticks
-- Here and below: what ticks from an instant on decided and sent, taken out of a copy of the warehouse. It stands as it
-- stood then, and still knows all that has landed since.
delete from journal.ticks where as_of >= ?

-- name: go_back_enrollment_decisions
delete from journal.enrollment_decisions where decided_at >= ?

-- name: go_back_enrollment_closings
delete from journal.enrollment_closings where closed_at >= ?

-- name: go_back_skipped_steps
delete from journal.skipped_steps where resolved_at >= ?

-- name: go_back_message_content
delete from journal.message_content where as_of >= ?

-- name: go_back_segment_results
delete from journal.segment_results where as_of >= ?

-- name: go_back_segment_changes
delete from journal.segment_changes where as_of >= ?

-- name: go_back_sequence_versions
delete from journal.sequence_versions where seen_at >= ?

-- name: go_back_failed_tests
delete from journal.failed_tests where as_of >= ?

-- name: go_back_sequence_gates
delete from journal.sequence_gates where as_of >= ?

-- name: go_back_waiting_steps
delete from journal.waiting_steps where as_of >= ?

-- name: go_back_delivery_log
delete from raw.delivery_log where as_of >= ?
