-- What is kept of intake models between ticks.

-- name: models
select kind, file, absent from raw.intake_models

-- name: forget_models
delete from raw.intake_models

-- name: problems
select file, reason from raw.intake_problems

-- name: forget_problems
delete from raw.intake_problems
