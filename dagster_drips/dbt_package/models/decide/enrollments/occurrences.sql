-- What could enroll somebody, as far as it counts (E2, S1) and is visible (T2). No tick asks for all of it: `unjudged_occurrences` has what waits.
with

sequences as (

    select * from {{ ref('live_sequences') }}

),

segment_changes as (

    {{ known_segment_changes() }}

),

from_leads as (

    {{ occurrences_of_leads('sequences', ref('stg_leads')) }}

),

counting as (

    {{ occurrences_of_events('sequences', ref('matched_events')) }}

    union all

    select sequence_id, lead_id, occurrence_id, occurred_at from from_leads
    where counts

    union all

    {{ occurrences_of_entries('sequences', 'segment_changes') }}

    union all

    {{ occurrences_of_members('sequences', 'segment_changes') }}

)

{{ without_mistaken_entries('counting') }}
