-- The version of each sequence that the last tick had live.
select
    sequence_id,
    version_id
from raw.sequences
order by sequence_id
