-- Nothing has moved the others.
select enrollment_id from {{ source('raw', 'delivery_log') }}
where as_of >= {{ as_of() }}
union distinct
select enrollment_id from {{ source('journal', 'skipped_steps') }}
where resolved_at >= {{ as_of() }}
union distinct
select enrollment_id from {{ source('journal', 'enrollment_decisions') }}
where
    decided_at >= {{ as_of() }}
    and decision = 'enrolled'
union distinct
select enrollment_id from {{ ref('current_enrollments') }}
where
    is_open
    and (arm = 'control' or step_id is null)
