-- name: explanations
select explanations.*
from marts.explanations as explanations
left join marts.enrollments as enrollments
    on
        explanations.lead_id = enrollments.lead_id
        and explanations.enrollment_id = enrollments.enrollment_id
where
    explanations.lead_id = $lead_id
    and ($sequence_id is null or explanations.sequence_id = $sequence_id)
    and ($step_id is null or explanations.step_id = $step_id)
order by
    explanations.sequence_id,
    enrollments.enrolled_at nulls last,
    enrollments.triggered_at,
    explanations.position,
    explanations.step_id

-- name: ticks
-- Decided ticks, and the one that the marts are of.
select
    min(as_of) as first,
    max(as_of) as last,
    max(as_of) filter (where as_of <= $at or $at is null) as asked,
    (select max(as_of) from raw.tick) as begun
from journal.ticks
where phase = 'decided'

-- name: measured
select max(as_of) from marts.pipeline_latency

-- name: by_id
select lead_id, email, timezone
from marts.lead_profiles
where lead_id = $lead

-- name: by_address
-- Candidates: whose address it is, is told as suppressions tell it (L3).
select lead_id, email, timezone
from marts.lead_profiles
where position(lower($lead) in lower(email)) > 0
order by lead_id

-- name: sequences
select sequence_id from decide.live_sequences
order by sequence_id

-- name: judged
select
    sequence_id,
    occurrence_id,
    occurred_at,
    decided_at,
    decision,
    enrollment_id
from marts.enrollment_decisions
where lead_id = $lead and ($sequence is null or sequence_id = $sequence)
order by sequence_id, decided_at, occurred_at, occurrence_id

-- name: waiting
-- Occurrences that count and are not judged yet (E3).
select
    occurrences.sequence_id,
    occurrences.occurrence_id,
    occurrences.occurred_at,
    cast(null as timestamp) as decided_at,
    'waiting' as decision,
    cast(null as varchar) as enrollment_id
from decide.occurrences as occurrences
left join journal.enrollment_decisions as decisions
    on
        occurrences.sequence_id = decisions.sequence_id
        and occurrences.lead_id = decisions.lead_id
        and occurrences.occurrence_id = decisions.occurrence_id
where
    decisions.occurrence_id is null
    and occurrences.lead_id = $lead
    and ($sequence is null or occurrences.sequence_id = $sequence)
order by occurrences.sequence_id, occurrences.occurred_at, occurrences.occurrence_id

-- name: segments_with_result
select segment from journal.segment_results where as_of = ?

-- name: last_load
-- What was landed by the end of a tick.
select max(last_load_id) from journal.ticks where as_of = ?

-- name: forget_leads
-- Here and below: what landed after a tick, taken out of a copy of the warehouse.
delete from raw.leads where _load > ?

-- name: forget_events
delete from raw.events where _load > ?

-- name: forget_suppressions
delete from raw.suppressions where _load > ?

-- name: forget_engagement
delete from raw.engagement where _load > ?

-- name: forget_loaded_files
delete from raw.loaded_files where load_id > ?

-- name: forget_held_messages
-- Known of the last sending alone.
delete from raw.held_messages

-- name: content
-- What a lead's messages show of content models (M9): of each the last.
select
    enrollment_id,
    step_id,
    as_of,
    content
from (
    select
        *,
        row_number() over (partition by enrollment_id, step_id order by as_of desc, recorded_at desc) as nth
    from journal.message_content
    where lead_id = $lead
) as frozen
where nth = 1
order by as_of, enrollment_id, step_id

-- name: rejected
-- Landed rows that could not be taken and name one of these texts as a whole value, be they of CSV or JSON.
select
    kind,
    file,
    line,
    reason
from raw.rejected_rows
where
    row is not null
    and regexp_matches(row, $pattern, 'i')
order by _load desc, kind, file, line
limit 100

-- name: rejected for postgres
select
    kind,
    file,
    line,
    reason
from raw.rejected_rows
where
    "row" is not null
    and "row" ~* $pattern
order by _load desc, kind, file, line
limit 100

-- name: forget_rejected_rows
delete from raw.rejected_rows where _load > ?
