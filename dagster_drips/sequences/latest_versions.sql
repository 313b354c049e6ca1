-- Each sequence's row of the journal that counts now; of equal instants the one written later.
select
    sequence_id,
    version_id,
    status,
    file_state
from journal.sequence_versions
qualify row_number() over (partition by sequence_id order by seen_at desc, rowid desc) = 1
