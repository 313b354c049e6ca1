{{ config(materialized='table') }}

with

named_segments as (

    select sequence_id, segment from {{ source('raw', 'sequence_segments') }}
    union
    select sequence_id, trigger_segment from {{ source('raw', 'sequences') }}
    where trigger_segment is not null
    union
    select sequence_id, value from {{ source('raw', 'step_conditions') }}
    where kind = 'segment'

),

without_result as (

    select
        named_segments.sequence_id,
        min(named_segments.segment) as segment
    from named_segments
    left join {{ ref('segment_results_now') }} as results
        on named_segments.segment = results.segment
    where results.segment is null
    group by named_segments.sequence_id

),

ticks as (

    select distinct as_of from {{ source('earlier', 'ticks') }}
    union
    select as_of from {{ source('raw', 'tick') }}

),

version_spells as (

    select
        sequence_id,
        status,
        seen_at,
        lead(seen_at) over (partition by sequence_id order by seen_at) as until
    from {{ source('earlier', 'sequence_versions') }}

),

first_active as (

    select
        sequence_id,
        min(seen_at) as as_of
    from version_spells
    where status = 'active'
    group by sequence_id

),

opened as (

    select
        sequences.*,
        coalesce(sequences.active_from, first_active.as_of) as opens_at,
        without_result.segment as segment_without_result
    from {{ source('raw', 'sequences') }} as sequences
    left join first_active
        on sequences.sequence_id = first_active.sequence_id
    left join without_result
        on sequences.sequence_id = without_result.sequence_id

),

-- Ticks at which each named segment had a result; only segment triggers ask for them.
segment_ticks as (

    select
        named_segments.sequence_id,
        results.as_of,
        count(distinct results.segment) as segments
    from named_segments
    inner join opened
        on named_segments.sequence_id = opened.sequence_id and opened.trigger_kind = 'segment_entered'
    inner join (
        select segment, as_of from {{ source('earlier', 'segment_results') }}
        union
        select segment, as_of from {{ ref('segment_results_now') }}
    ) as results
        on named_segments.segment = results.segment
    group by named_segments.sequence_id, results.as_of
    having count(distinct results.segment) = (
        select count(*) from named_segments as needed where needed.sequence_id = named_segments.sequence_id
    )

),

-- The first tick that saw the sequence active at or after its opening: members then are the existing ones (E2).
starts as (

    select
        opened.sequence_id,
        min(ticks.as_of) as as_of
    from opened
    inner join version_spells as spells
        on opened.sequence_id = spells.sequence_id and spells.status = 'active'
    inner join ticks
        on
            ticks.as_of >= opened.opens_at
            and ticks.as_of >= spells.seen_at
            and (spells.until is null or ticks.as_of < spells.until)
    inner join segment_ticks
        on opened.sequence_id = segment_ticks.sequence_id and ticks.as_of = segment_ticks.as_of
    where opened.trigger_kind = 'segment_entered'
    group by opened.sequence_id

)

select
    opened.*,
    starts.as_of as starts_at,
    opened.status = 'active' and opened.segment_without_result is null as is_running
from opened
left join starts
    on opened.sequence_id = starts.sequence_id
