-- Sending reads suppressions again, up to its own moment (L3).
with

suppressed as (

    {{ suppressed_addresses('(select sending_at from ' ~ source('raw', 'tick') ~ ')') }}

)

select distinct due.message_id
from {{ ref('due_steps') }} as due
inner join {{ ref('live_sequences') }} as sequences
    on due.sequence_id = sequences.sequence_id
inner join suppressed
    on
        due.address = suppressed.address
        and {{ suppression_applies('suppressed', 'sequences') }}
