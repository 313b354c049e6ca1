{{ config(materialized='table') }}

with

versions as (

    select
        *,
        coalesce(updated_at, created_at) as version_at,
        min(created_at) over (partition by lead_id) as lead_created_at
    from {{ source('raw', 'leads') }}

),

-- The newest version that is visible, or where there is none the oldest; of equal ones the one loaded later.
ranked as (

    select
        *,
        row_number() over (
            partition by lead_id
            order by
                version_at <= {{ as_of() }} desc,
                case when version_at <= {{ as_of() }} then version_at end desc nulls last,
                version_at,
                _load desc,
                _line desc
        ) as recency
    from versions
    where lead_created_at <= {{ as_of() }}

)

select
    * exclude (_load, _line, version_at, lead_created_at, recency)
    replace (lead_created_at as created_at, version_at as updated_at)
from ranked
where recency = 1
