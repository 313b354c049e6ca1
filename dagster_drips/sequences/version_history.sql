-- Every definition that was ever live, in the order in which they were seen.
select
    sequence_id,
    definition
from journal.sequence_versions
where file_state = 'valid'
order by seen_at, coalesce(version_number, 0), rowid
