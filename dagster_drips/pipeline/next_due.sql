-- name: next_due
-- When a sequence's next step may go out, by its send window too. Published facts tell of the schedule alone: this is too dear for a tick.
select
    sequence_id,
    next_at
from intermediate.int_coming_steps
