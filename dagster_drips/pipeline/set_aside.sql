-- What stays of ticks that are set aside: mail that went out is a fact, with all that is needed to go on from it. The
-- last tick that is kept stands for those that sent it, as it is the nearest known instant: ticks ran at the right time
-- until then. One statement a table of the commit that keeps it.

-- name: set_variable
set variable set_aside = struct_pack(
    kept_as_of := ?::timestamp,
    decision_files := ?::varchar[],
    version_files := ?::varchar[],
    content_files := ?::varchar[],
    commits := ?::varchar[]
)

-- name: open
create or replace temp view sent_later as
select * from raw.delivery_log
where as_of > getvariable('set_aside').kept_as_of

-- name: enrollment_decisions
-- Enrollments with mail. Their occurrences may have no second chance to be the same: a segment is entered at a tick, and
-- entered anew it makes another enrollment, whose first message the lead has had.
select distinct on (decisions.enrollment_id)
    decisions.sequence_id,
    decisions.lead_id,
    decisions.occurrence_id,
    case
        -- dated by the tick that saw it
        when regexp_matches(decisions.occurrence_id, '@\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$')
            then least(decisions.occurred_at, getvariable('set_aside').kept_as_of)
        else decisions.occurred_at
    end as occurred_at,
    getvariable('set_aside').kept_as_of as decided_at,
    decisions.decision,
    decisions.enrollment_id,
    decisions.arm
from read_parquet(getvariable('set_aside').decision_files) as decisions
anti join journal.enrollment_decisions as kept using (sequence_id, lead_id, occurrence_id)
where
    decisions.decision = 'enrolled'
    and decisions.enrollment_id in (select enrollment_id from sent_later)

-- name: sequence_versions
-- What those messages were made from: links to view them read it, and steps that are gone since stand where they stood.
select distinct versions.* replace (getvariable('set_aside').kept_as_of as seen_at)
from read_parquet(getvariable('set_aside').version_files, union_by_name = true) as versions
anti join journal.sequence_versions as kept using (sequence_id, version_id)
where
    versions.status = 'active'
    and versions.version_id in (select version_id from sent_later)

-- name: message_content
-- What those messages show (M9): of a message the last, as it was sent.
select distinct on (content.message_id)
    content.message_id, content.enrollment_id, content.step_id, content.lead_id,
    getvariable('set_aside').kept_as_of as as_of,
    content.recorded_at, content.content, content.content_types
from read_parquet(getvariable('set_aside').content_files) as content
where content.message_id in (select message_id from sent_later)
order by content.message_id, content.as_of desc, content.recorded_at desc

-- name: handed_over
select
    message_id, attempt, getvariable('set_aside').kept_as_of as as_of, enrollment_id, sequence_id, version_id, step_id,
    variant_id, lead_id, sender, recipient, scheduled_at, transactional,
    getvariable('set_aside').kept_as_of as recorded_at
from sent_later
where outcome <> 'deferred'

-- name: set_aside_deliveries
select distinct message_id, attempt, lead_id, as_of, getvariable('set_aside').kept_as_of as counts_as_of
from sent_later

-- name: set_aside_commits
-- Should this process be killed while it puts them aside, whoever rebuilds next goes on with it.
select unnest(getvariable('set_aside').commits) as commit

-- name: ticks
-- The tick decided when it did, as far as its latency goes; a commit is told from others by that time, too.
select
    as_of,
    'decided' as phase,
    max(recorded_at) + interval 1 microsecond as recorded_at,
    max(last_load_id) as last_load_id
from journal.ticks
where as_of = getvariable('set_aside').kept_as_of and phase = 'decided'
group by as_of

-- name: close
drop view sent_later

-- name: count
select count(distinct message_id) from raw.delivery_log where as_of > ?

-- name: date_back
-- The journal of deliveries says when the ticks of then thought that it was; the log says when that counts.
update raw.delivery_log as log
set
    detail = concat_ws(
        '; ', log.detail, 'by the tick of ' || strftime(log.as_of, '%Y-%m-%dT%H:%M:%SZ') || ', which was set aside'
    ),
    recorded_at = aside.counts_as_of + greatest(log.recorded_at - log.as_of, interval 0 second),
    retry_at = aside.counts_as_of + (log.retry_at - log.as_of),
    as_of = aside.counts_as_of
from read_parquet(?) as aside
where log.message_id = aside.message_id and log.attempt = aside.attempt and log.as_of = aside.as_of

-- name: date_back for postgres
update raw.delivery_log as log
set
    detail = concat_ws(
        '; ',
        log.detail,
        'by the tick of ' || to_char(log.as_of, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ', which was set aside'
    ),
    recorded_at = aside.counts_as_of + greatest(log.recorded_at - log.as_of, interval '0 second'),
    retry_at = aside.counts_as_of + (log.retry_at - log.as_of),
    as_of = aside.counts_as_of
from read_parquet(?) as aside
where log.message_id = aside.message_id and log.attempt = aside.attempt and log.as_of = aside.as_of
