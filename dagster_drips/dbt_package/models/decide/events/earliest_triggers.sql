{{ config(materialized='table') }}

-- One row, asked by its columns alone: no event before that can end an enrollment (L1) or meet a condition (M6).
with

asked as (

    select distinct sequence_id
    from {{ source('raw', 'step_conditions') }}
    where kind = 'event'

),

with_conditions as (

    select due.triggered_at
    from {{ ref('due_enrollments') }} as due
    inner join asked
        on due.sequence_id = asked.sequence_id

    union all

    select new.triggered_at
    from {{ ref('new_enrollments') }} as new
    inner join asked
        on new.sequence_id = asked.sequence_id

)

select
    (select min(triggered_at) from {{ ref('new_enrollments') }}) as of_new_enrollments,
    (select min(triggered_at) from with_conditions) as of_conditions
