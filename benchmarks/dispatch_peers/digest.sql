-- The mails are the digest instead of the newsletter; the parameter is the version's files as JSON.
update journal.sequence_versions set files = ?
