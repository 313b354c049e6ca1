{{ config(materialized='table') }}

-- Names that begin with _line are the loader's own: no custom field can have one.
with

versions as (

    select
        *,
        coalesce(updated_at, created_at) as _line_version_at,
        min(created_at) over (partition by lead_id) as _line_created_at
    from {{ source('raw', 'leads') }}

),

-- The newest version that is visible, or where there is none the oldest; of equal ones the one loaded later.
ranked as (

    select
        *,
        row_number() over (
            partition by lead_id
            order by
                _line_version_at <= {{ as_of() }} desc,
                case when _line_version_at <= {{ as_of() }} then _line_version_at end desc nulls last,
                _line_version_at,
                _load desc,
                _line desc
        ) as _line_recency
    from versions
    where _line_created_at <= {{ as_of() }}

)

select
    * exclude (_load, _line, _line_version_at, _line_created_at, _line_recency)
    replace (_line_created_at as created_at, _line_version_at as updated_at)
from ranked
where _line_recency = 1
