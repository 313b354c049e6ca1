{{ config(materialized='table') }}

-- What may have to be judged and an earlier tick did not know as it is now, and what it has judged since.
with

sequences as (

    select
        sequences.*,
        marks.mark
    from {{ ref('live_sequences') }} as sequences
    inner join {{ ref('sequence_marks') }} as marks
        on sequences.sequence_id = marks.sequence_id

),

changed_sequences as (

    select sequences.*
    from sequences
    inner join {{ ref('changed_sequences') }} as changed
        on sequences.sequence_id = changed.sequence_id

),

segment_changes as (

    {{ known_segment_changes() }}

),

new_segment_changes as (

    select * from segment_changes
    where as_of >= {{ since() }}

),

earlier_segment_changes as (

    select * from segment_changes
    where as_of < {{ since() }}

),

-- Without a watermark all leads are new.
earlier_leads as (

    select
        leads.lead_id,
        leads.created_at
    from {{ ref('stg_leads') }} as leads
    cross join {{ source('raw', 'watermark') }} as watermark
    where leads.lead_id not in (select lead_id from {{ ref('changed_leads') }})

),

found as (

    select *, occurrence_id as occurrence_key, true as counts from (
        {{ occurrences_of_events('sequences', ref('new_matched_events')) }}
    ) as from_events

    union all

    select sequence_id, lead_id, occurrence_id, occurred_at, occurrence_id as occurrence_key, counts from (
        {{ occurrences_of_leads('sequences', ref('changed_leads')) }}
        union all
        {{ occurrences_of_leads('changed_sequences', 'earlier_leads') }}
    ) as from_leads

    union all

    select *, occurrence_id || ' ' || lead_id as occurrence_key, true as counts from (
        {{ occurrences_of_entries('sequences', 'new_segment_changes') }}
        union all
        {{ occurrences_of_entries('changed_sequences', 'earlier_segment_changes') }}
        union all
        {{ occurrences_of_members('changed_sequences', 'segment_changes') }}
    ) as from_segments

),

decisions as (

    select
        sequence_id,
        lead_id,
        occurrence_id
    from {{ source('earlier', 'enrollment_decisions') }}
    where occurrence_id in (select occurrence_id from found)

),

judged_since as (

    select
        decisions.sequence_id,
        decisions.lead_id,
        decisions.occurrence_id,
        decisions.occurred_at,
        case
            when sequences.trigger_kind = 'segment_entered' then decisions.occurrence_id || ' ' || decisions.lead_id
            else decisions.occurrence_id
        end as occurrence_key
    from {{ source('earlier', 'enrollment_decisions') }} as decisions
    inner join sequences
        on decisions.sequence_id = sequences.sequence_id
    where decisions.decided_at >= {{ since() }}

),

changed as (

    select
        found.sequence_id,
        found.lead_id,
        found.occurrence_id,
        found.occurred_at,
        found.occurrence_key,
        found.counts and decisions.sequence_id is null as is_waiting
    from found
    left join decisions
        on
            found.sequence_id = decisions.sequence_id
            and found.lead_id = decisions.lead_id
            and found.occurrence_id = decisions.occurrence_id

    union all

    select
        judged_since.*,
        false as is_waiting
    from judged_since
    left join found
        on
            judged_since.sequence_id = found.sequence_id
            and judged_since.occurrence_key = found.occurrence_key
    where found.sequence_id is null

)

select
    changed.*,
    sequences.mark
from changed
inner join sequences
    on changed.sequence_id = sequences.sequence_id
-- What waits no more is there to replace what did.
where
    changed.is_waiting
    or exists (select 1 from {{ source('raw', 'watermark') }})
