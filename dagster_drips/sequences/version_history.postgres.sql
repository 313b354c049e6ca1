-- As version_history.sql. Every row has its number here.
select
    sequence_id,
    definition
from journal.sequence_versions
where file_state = 'valid'
order by seen_at, coalesce(version_number, 0), sequence_id
