{{ config(materialized='table') }}

-- Names of our own begin with _drips_, as no custom field's does; so does what SQL reads as a column of leads or not.
with

-- Of all others what is kept stands.
touched as (

    select distinct lead_id
    from {{ source('raw', 'leads') }}
    where
        _load > {{ since_load() }}
        or {{ came_of_age('created_at') }}
        or {{ came_of_age('coalesce(updated_at, created_at)') }}

),

landed as (

    select *
    from {{ source('raw', 'leads') }}
    where lead_id in (select lead_id from touched)

),

-- Of a lead that a trusted source knows, pages say nothing without proof, whichever landed first and in no column.
believed as (

    select *
    from landed as trusted
    where {{ is_trusted('trusted') }}

    union all

    select unproved.*
    from landed as unproved
    where
        not {{ is_trusted('unproved') }}
        and not exists (
            select 1
            from landed as trusted
            where trusted.lead_id = unproved.lead_id and {{ is_trusted('trusted') }}
        )

),

versions as (

    select
        *,
        coalesce(updated_at, created_at) as _drips_version_at,
        min(created_at) over (partition by lead_id) as _drips_created_at
    from believed

),

-- The newest version that is visible, or where there is none the oldest; of equal ones the one loaded later.
ranked as (

    select
        *,
        _drips_version_at <= {{ as_of() }} as _drips_is_visible,
        row_number() over (
            partition by lead_id
            order by
                _drips_version_at <= {{ as_of() }} desc,
                case when _drips_version_at <= {{ as_of() }} then _drips_version_at end desc nulls last,
                _drips_version_at,
                _load desc,
                _line desc
        ) as _drips_recency
    from versions
    where _drips_created_at <= {{ as_of() }}

),

whole as (

    select *
    from ranked
    where _drips_recency = 1 and changed_fields is null

),

-- The newest row says something of some columns only: the others are what the rows before it said, back to a whole version.
changed as (

    select
        ranked.*,
        ranked.changed_fields is null as _drips_is_whole,
        {{ lower_names('ranked.changed_fields') }} as _drips_changed_fields
    from ranked
    inner join (
        select
            lead_id,
            min(case when changed_fields is null and _drips_is_visible then _drips_recency end) as _drips_whole_recency
        from ranked
        group by lead_id
        having bool_or(_drips_recency = 1 and changed_fields is not null)
    ) as partial
        on ranked.lead_id = partial.lead_id
    where
        ranked._drips_recency = 1
        or (
            ranked._drips_is_visible
            and ranked._drips_recency <= coalesce(partial._drips_whole_recency, ranked._drips_recency)
        )

),

put_together as (

    {{ newest_words_of('changed') }}

)

{{ lead_rows_of('whole', beside=['changed_fields', '_load', '_line', '_drips_is_visible', '_drips_recency']) }}

{{ union_all_by_name() }}

{{ lead_rows_of('put_together') }}
