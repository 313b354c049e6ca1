{{ config(materialized='table') }}

with

versions as (

    select
        sequence_id,
        {{ definition_text('definition', 'goal') }} as goal,
        seen_at,
        nth
    from (
        {{ version_spells_of(source('earlier', 'sequence_versions')) }}
    ) as version_spells

),

-- Most versions change other things.
compared as (

    select
        *,
        lag(goal) over (partition by sequence_id order by nth) as goal_before
    from versions

),

spells as (

    select
        *,
        lead(seen_at) over (partition by sequence_id order by nth) as until
    from compared
    where
        nth = 1
        or goal is distinct from goal_before

)

select
    sequence_id,
    md5(goal) as goal_id,
    {{ definition_text('goal', 'event') }} as goal_event,
    cast({{ definition_text('goal', 'within.seconds') }} as bigint) as goal_within_seconds,
    seen_at,
    until,
    goal
from spells
where goal is not null
