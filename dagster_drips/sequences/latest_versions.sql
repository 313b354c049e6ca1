-- Each sequence's row of the journal that counts now; of equal instants the one recorded later (S3).
select
    sequence_id,
    version_id,
    status,
    file_state,
    count(*) over (partition by sequence_id) as versions
from journal.sequence_versions
qualify row_number() over (partition by sequence_id order by seen_at desc, coalesce(version_number, 0) desc, rowid desc) = 1
