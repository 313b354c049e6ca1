-- What no sequence asks for starts, ends and holds nothing.
select trigger_event as event from {{ source('raw', 'sequences') }}
where trigger_event is not null
union
select goal_event as event from {{ ref('goal_spells') }}
union
select event from {{ source('raw', 'sequence_exit_events') }}
