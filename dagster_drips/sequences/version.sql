-- One version's texts; every row of a version has the same ones.
select
    definition,
    files
from journal.sequence_versions
where sequence_id = ? and version_id = ?
limit 1
