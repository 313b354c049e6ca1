-- What templates are compiled from.

-- name: version
select definition, files, attached_files
from journal.sequence_versions
where sequence_id = ? and version_id = ?
limit 1

-- name: timezone
select timezone from raw.project_settings
