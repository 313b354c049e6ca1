-- Of two versions that one tick saw the one recorded later is the later (S3), and the other was in force for no time at all.
with

version_spells as (

    select
        sequence_id,
        {{ definition_text('definition', 'goal') }} as goal,
        seen_at,
        lead(seen_at) over (partition by sequence_id order by seen_at, coalesce(version_number, 0)) as until
    from {{ source('earlier', 'sequence_versions') }}

)

select
    sequence_id,
    md5(goal) as goal_id,
    {{ definition_text('goal', 'event') }} as goal_event,
    cast({{ definition_text('goal', 'within.seconds') }} as bigint) as goal_within_seconds,
    seen_at,
    until,
    goal
from version_spells
where goal is not null
