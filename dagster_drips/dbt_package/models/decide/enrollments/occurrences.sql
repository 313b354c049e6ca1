-- What could enroll somebody, as far as it counts (E2, S1) and is visible (T2).
with

sequences as (

    select * from {{ ref('live_sequences') }}

),

-- Once this tick's decisions are committed the journal has its changes, too.
segment_changes as (

    select segment, lead_id, as_of, change, is_entry from {{ source('earlier', 'segment_changes') }}

    union all

    select
        changes.segment,
        changes.lead_id,
        changes.as_of,
        changes.change,
        changes.is_entry
    from {{ ref('new_segment_changes') }} as changes
    left join {{ source('earlier', 'segment_changes') }} as committed
        on
            changes.segment = committed.segment
            and changes.lead_id = committed.lead_id
            and changes.as_of = committed.as_of
            and changes.change = committed.change
    where committed.segment is null

),

-- What entered a segment while its sequence was held may have been a mistake: it counts as long as it is a member (G1).
held_entries as (

    select distinct
        sequence_id,
        as_of
    from {{ source('earlier', 'sequence_gates') }}
    where is_holding

),

from_events as (

    select
        sequences.sequence_id,
        events.lead_id,
        events.event_id as occurrence_id,
        events.occurred_at
    from sequences
    inner join {{ ref('matched_events') }} as events
        on sequences.sequence_id = events.sequence_id and events.role = 'trigger'
    where
        events.occurred_at >= {{ counts_from('sequences') }}

),

from_leads as (

    select
        sequences.sequence_id,
        leads.lead_id,
        'lead_created:' || leads.lead_id as occurrence_id,
        leads.created_at as occurred_at
    from sequences
    inner join {{ ref('stg_leads') }} as leads
        on
            sequences.trigger_kind = 'lead_created'
            and leads.created_at >= {{ counts_from('sequences') }}

),

-- Entries after the sequence's start; at its start members count only with include_existing. A start lies before the opening
-- where `active_from` was moved later since: what is dated before that counts no more.
from_segments as (

    select
        sequences.sequence_id,
        changes.lead_id,
        changes.segment || '@' || strftime(changes.as_of, '%Y-%m-%dT%H:%M:%SZ') as occurrence_id,
        changes.as_of as occurred_at
    from sequences
    inner join segment_changes as changes
        on
            sequences.trigger_segment = changes.segment
            and changes.is_entry
            and changes.as_of > sequences.starts_at
            and changes.as_of >= sequences.opens_at

    union all

    select
        sequences.sequence_id,
        changes.lead_id,
        sequences.trigger_segment || '@' || strftime(sequences.starts_at, '%Y-%m-%dT%H:%M:%SZ') as occurrence_id,
        sequences.starts_at as occurred_at
    from sequences
    inner join segment_changes as changes
        on
            sequences.trigger_segment = changes.segment
            and changes.as_of <= sequences.starts_at
    where
        sequences.include_existing
        and sequences.starts_at >= sequences.opens_at
    group by sequences.sequence_id, sequences.trigger_segment, sequences.starts_at, changes.lead_id
    having sum(case changes.change when 'entered' then 1 else -1 end) > 0

)

select * from from_events
union all
select * from from_leads
union all
select from_segments.*
from from_segments
inner join sequences
    on from_segments.sequence_id = sequences.sequence_id
left join held_entries
    on from_segments.sequence_id = held_entries.sequence_id and from_segments.occurred_at = held_entries.as_of
left join {{ ref('segment_members') }} as members
    on sequences.trigger_segment = members.segment and from_segments.lead_id = members.lead_id
where
    held_entries.sequence_id is null
    or members.lead_id is not null
