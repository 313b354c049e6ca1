-- name: identities
select anonymous_id, lead_id from staging.stg_identities
