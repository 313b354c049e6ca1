-- name: is_rebuilding
-- What was there before a rebuild is beside it until that has ended (`rebuild_in_place`).
select exists (select 1 from information_schema.schemata where schema_name = 'raw_before')
