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

    select * exclude (changed_fields, _load, _line, _drips_is_visible)
    from ranked
    where _drips_recency = 1 and changed_fields is null

),

-- The newest row says something of some columns only: the others are what the rows before it said, back to a whole version.
changed as (

    select
        ranked.* exclude (changed_fields, _load, _line, _drips_is_visible),
        ranked.changed_fields is null as _drips_is_whole,
        list_transform(
            ranked.changed_fields, lambda _drips_name: {{ lower_a_to_z('_drips_name') }}
        ) as _drips_changed_fields
    from ranked
    inner join (
        select
            lead_id,
            min(case when changed_fields is null and _drips_is_visible then _drips_recency end) as _drips_whole_recency
        from ranked
        group by lead_id
        having max(case when _drips_recency = 1 then changed_fields is not null end)
    ) as partial
        on ranked.lead_id = partial.lead_id
    where
        ranked._drips_recency = 1
        or (
            ranked._drips_is_visible
            and ranked._drips_recency <= coalesce(partial._drips_whole_recency, ranked._drips_recency)
        )

),

{%- set fields %}
columns(* exclude (
    lead_id, _drips_recency, _drips_is_whole, _drips_changed_fields, _drips_version_at, _drips_created_at, _drips_source
))
{%- endset %}

put_together as (

    select
        lead_id,
        max(_drips_created_at) as _drips_created_at,
        arg_min(_drips_version_at, _drips_recency) as _drips_version_at,
        -- Whose word a row is holds for the whole of it, whichever columns it speaks of.
        arg_min_null(_drips_source, _drips_recency) as _drips_source,
        {# Each column's newest word: `alias` is the name of the column that `columns` stands for at the moment.
           A row without a word has no recency; with a `filter` in its place planning takes time quadratic in the columns. #}
        arg_min_null(
            {{ fields }},
            case
                when _drips_is_whole or list_contains(_drips_changed_fields, {{ lower_a_to_z('alias(' ~ fields ~ ')') }})
                    then _drips_recency
            end
        )
    from changed
    group by lead_id

)

select
    * exclude (_drips_version_at, _drips_created_at, _drips_recency)
    replace (_drips_created_at as created_at, _drips_version_at as updated_at)
from whole

union all by name

select
    * exclude (_drips_version_at, _drips_created_at)
    replace (_drips_created_at as created_at, _drips_version_at as updated_at)
from put_together
