{{ config(materialized='table') }}

with

named_segments as (

    {{ named_segments() }}

),

without_result as (

    select
        named_segments.sequence_id,
        min(named_segments.segment) as segment
    from named_segments
    left join {{ ref('new_segment_results') }} as results
        on named_segments.segment = results.segment
    where results.segment is null
    group by named_segments.sequence_id

),

ticks as (

    select as_of from {{ source('earlier', 'ticks') }}
    union all
    select as_of from {{ source('raw', 'tick') }}

),

version_spells as (

    {{ version_spells_of(source('earlier', 'sequence_versions')) }}

),

archivings as (

    select
        sequence_id,
        max(nth) as last_nth
    from version_spells
    where status = 'archived'
    group by sequence_id

),

-- What came before `archived` counts no more (S1).
active_spells as (

    select
        spells.*,
        archivings.sequence_id is not null as is_restart,
        {{ property_text('spells.definition', no_text(), "'active_from'") }} as active_from_text
    from version_spells as spells
    left join archivings
        on spells.sequence_id = archivings.sequence_id
    where
        spells.status = 'active'
        and spells.nth > coalesce(archivings.last_nth, 0)

),

first_active as (

    select
        sequence_id,
        min(seen_at) as as_of,
        min(case when is_restart then seen_at end) as restarted_at
    from active_spells
    group by sequence_id

),

opened as (

    select
        sequences.*,
        greatest(
            coalesce(sequences.active_from, first_active.as_of),
            coalesce(first_active.restarted_at, sequences.active_from, first_active.as_of)
        ) as opens_at,
        first_active.as_of as first_active_at,
        first_active.restarted_at,
        without_result.segment as segment_without_result
    from {{ source('raw', 'sequences') }} as sequences
    left join first_active
        on sequences.sequence_id = first_active.sequence_id
    left join without_result
        on sequences.sequence_id = without_result.sequence_id

),

-- Only segment triggers start with a tick. By the file of then or by that of now, whichever opened earlier: a tick that has
-- passed stays the first, whatever the file says since (E2).
entered_spells as (

    select
        opened.sequence_id,
        opened.trigger_segment,
        spells.definition,
        spells.nth,
        greatest(
            spells.seen_at,
            least(
                opened.opens_at,
                greatest(
                    coalesce(cast(spells.active_from_text as timestamp), opened.first_active_at),
                    coalesce(opened.restarted_at, opened.first_active_at)
                )
            )
        ) as from_tick,
        -- the tick that saw a version is that version's, also where it saw a later one too
        greatest(
            coalesce(spells.until, timestamp '9999-12-31'),
            {{ add_seconds('spells.seen_at', 1) }}
        ) as before_tick
    from opened
    inner join active_spells as spells
        on opened.sequence_id = spells.sequence_id
    where opened.trigger_kind = 'segment_entered'

),

-- Without a result of a segment that it named then, a sequence counted as paused (E5).
needed_segments as (

    {{ segments_named_by('entered_spells') }}
    union distinct
    select sequence_id, nth, trigger_segment as segment from entered_spells

),

results as (

    select
        segment,
        as_of
    from {{ source('earlier', 'segment_results') }}
    union all
    select
        segment,
        as_of
    from {{ ref('new_segment_results') }}

),

-- Nearly always it is the first tick of all; of the others nothing is asked then, however many there were.
first_ticks as (

    select
        spells.sequence_id,
        spells.nth,
        min(ticks.as_of) as as_of
    from entered_spells as spells
    inner join ticks
        on
            ticks.as_of >= spells.from_tick
            and ticks.as_of < spells.before_tick
    group by
        spells.sequence_id,
        spells.nth

),

first_run_ticks as (

    {{ run_ticks_of('first_ticks', 'needed_segments', 'results') }}

),

later_ticks as (

    select
        spells.sequence_id,
        spells.nth,
        ticks.as_of
    from entered_spells as spells
    left join first_run_ticks
        on spells.sequence_id = first_run_ticks.sequence_id and spells.nth = first_run_ticks.nth
    inner join ticks
        on
            ticks.as_of >= spells.from_tick
            and ticks.as_of < spells.before_tick
    where first_run_ticks.sequence_id is null

),

-- The first tick that saw the sequence active at or after its opening: members then are the existing ones (E2).
starts as (

    select
        sequence_id,
        min(as_of) as as_of
    from (
        select
            sequence_id,
            as_of
        from first_run_ticks
        union all
        select
            sequence_id,
            as_of
        from (
            {{ run_ticks_of('later_ticks', 'needed_segments', 'results') }}
        ) as later_run_ticks
    ) as run_ticks
    group by sequence_id

)

select
    opened.*,
    starts.as_of as starts_at,
    opened.status = 'active' and opened.segment_without_result is null as is_running
from opened
left join starts
    on opened.sequence_id = starts.sequence_id
