-- What a tick says of one lead in one sequence, for telling why. Parameters: $sequence_id, $lead_id; $step.

-- name: paused
select segment_without_result
from decide.live_sequences
where sequence_id = $sequence_id and segment_without_result is not null

-- name: next_steps
-- The steps that its open enrollments have next, as the tick judged them.
select
    step_id,
    state,
    reason,
    scheduled_at
from decide.current_step_states
where sequence_id = $sequence_id and lead_id = $lead_id
order by enrolled_at desc

-- name: skipped
select
    skipped.reason,
    skipped.resolved_at
from journal.skipped_steps as skipped
inner join journal.enrollment_decisions as decisions
    on skipped.enrollment_id = decisions.enrollment_id
where decisions.sequence_id = $sequence_id and decisions.lead_id = $lead_id and skipped.step_id = $step
order by skipped.resolved_at desc
limit 1

-- name: sent
select as_of
from raw.delivery_log
where sequence_id = $sequence_id and lead_id = $lead_id and step_id = $step and outcome = 'sent'
order by as_of desc
limit 1

-- name: decisions
-- What became of its occurrences and their enrollments, the latest first.
select
    decisions.decision,
    decisions.decided_at,
    decisions.arm,
    closings.status,
    closings.exit_reason,
    closings.closed_at
from journal.enrollment_decisions as decisions
left join journal.enrollment_closings as closings
    on decisions.enrollment_id = closings.enrollment_id
where decisions.sequence_id = $sequence_id and decisions.lead_id = $lead_id
order by decisions.decided_at desc, decisions.decision = 'enrolled' desc, decisions.occurred_at desc

-- name: occurrences
select count(*) as occurrences
from decide.occurrences
where sequence_id = $sequence_id and lead_id = $lead_id
