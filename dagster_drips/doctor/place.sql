-- What the doctor asks a warehouse.

-- name: answers
select 1
