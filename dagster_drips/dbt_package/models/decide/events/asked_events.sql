-- What no sequence asks for starts, ends and holds nothing.
select
    sequence_id,
    trigger_event as event
from {{ source('raw', 'sequences') }}
where trigger_event is not null
union distinct
select
    sequence_id,
    goal_event as event
from {{ ref('goal_spells') }}
union distinct
select
    sequence_id,
    event
from {{ source('raw', 'sequence_exit_events') }}
