-- One version's texts and files; every row of a version has the same ones.
select
    definition,
    files,
    attached_files
from journal.sequence_versions
where sequence_id = ? and version_id = ?
limit 1
