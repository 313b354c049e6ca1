select sequences.trigger_event as event
from {{ source('raw', 'sequences') }} as sequences
inner join {{ ref('changed_sequences') }} as changed
    on sequences.sequence_id = changed.sequence_id
where sequences.trigger_event is not null
union
select goals.goal_event as event
from {{ ref('goal_spells') }} as goals
inner join {{ ref('changed_sequences') }} as changed
    on goals.sequence_id = changed.sequence_id
union
select exit_events.event
from {{ source('raw', 'sequence_exit_events') }} as exit_events
inner join {{ ref('changed_sequences') }} as changed
    on exit_events.sequence_id = changed.sequence_id
