-- Single rows of a server's marts.

-- name: messages
select * from marts.messages where message_id = ?

-- name: enrollments
select * from marts.enrollments where enrollment_id = ?

-- name: lead_profiles
select * from marts.lead_profiles where lead_id = ?

-- name: version_since
select max(since) from marts.sequence_versions where sequence_id = ? and since <= ?
